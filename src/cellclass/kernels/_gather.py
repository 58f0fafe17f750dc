"""Gather the model's genes from rows of expression and bring them to the model's scale."""

from __future__ import annotations

import numba
import numpy as np

from cellclass.kernels._transforms import restore


@numba.njit(nogil=True, cache=True)
def _finish_row(
    values: np.ndarray, total: float, share: float, target_sum: float, out: np.ndarray
) -> None:
    # target_sum = 0 means: keep the counts as they are
    factor = 1.0
    if target_sum > 0.0:
        factor = target_sum * share / total if total > 0.0 else 0.0
    for g in range(values.shape[0]):
        if values[g] > 0.0:
            out[g] = np.float32(np.log1p(values[g] * factor))


@numba.njit(nogil=True, cache=True)
def gather_csr(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    known: np.ndarray,
    position: np.ndarray,
    form: tuple[int, float, bool],
    share: float,
    target_sum: float,
    out: np.ndarray,
) -> np.ndarray:
    """Fill `out` with `log1p(y · target_sum · share / Σy)` of the model's genes, from CSR rows.

    y are the values as `form` brings them back to counts times a factor.

    Parameters
    ----------
    data, indices, indptr
        The rows, `(n_obs, n_query_genes)`, without duplicated entries.
    known
        Per query gene, whether it counts towards the cell's total, `(n_query_genes,)`.
    position
        Per query gene, its column in `out`, or -1, `(n_query_genes,)`.
    form
        How stored values are brought back to counts times a factor, as `restore` takes it.
    share
        Share (0–1) of a reference cell's total that falls on the known genes.
    target_sum
        Counts per cell to normalise to; 0 keeps the counts.
    out
        float32 `(n_obs, n_genes)`, filled in advance with what missing genes should hold and
        zeros elsewhere.

    Returns
    -------
    How many of the known genes each row expresses, int64 `(n_obs,)`.
    """
    values = np.zeros(out.shape[1], dtype=np.float64)
    n_expressed = np.zeros(out.shape[0], dtype=np.int64)
    for i in range(out.shape[0]):
        total = 0.0
        for j in range(indptr[i], indptr[i + 1]):
            gene = indices[j]
            if known[gene] and data[j] != 0:
                value = restore(np.float64(data[j]), form)
                total += value
                n_expressed[i] += value > 0.0
                if position[gene] >= 0:
                    values[position[gene]] = value
        _finish_row(values, total, share, target_sum, out[i])
        values[:] = 0.0
    return n_expressed


@numba.njit(nogil=True, cache=True)
def gather_dense(
    X: np.ndarray,
    known: np.ndarray,
    position: np.ndarray,
    form: tuple[int, float, bool],
    share: float,
    target_sum: float,
    out: np.ndarray,
) -> np.ndarray:
    """Do what `gather_csr` does for a C-ordered dense matrix `(n_obs, n_query_genes)`."""
    values = np.zeros(out.shape[1], dtype=np.float64)
    n_expressed = np.zeros(out.shape[0], dtype=np.int64)
    for i in range(out.shape[0]):
        total = 0.0
        for gene in range(X.shape[1]):
            if known[gene] and X[i, gene] != 0:
                value = restore(np.float64(X[i, gene]), form)
                total += value
                n_expressed[i] += value > 0.0
                if position[gene] >= 0:
                    values[position[gene]] = value
        _finish_row(values, total, share, target_sum, out[i])
        values[:] = 0.0
    return n_expressed
