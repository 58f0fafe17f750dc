"""Rank-value encoding: the genes of a cell in the order of their expression, as tokens."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

# A gene's sort code is one int64: 40 bits of its ratio, then 23 bits of its position. So a sort has
# no ties to break, and its result depends on neither its algorithm nor the order of the entries.
_GENE_BITS: Final = 23
_CODES: Final = (1 << 40) - 1
_HALF: Final = 1 << 22  # of the 23 bits of a float64 that are rounded off
#: Most genes that fit beside a ratio.
MOST_GENES: Final = 1 << _GENE_BITS


@numba.njit(nogil=True, cache=True)
def _write_tokens(ratios: np.ndarray, genes: np.ndarray, out: np.ndarray) -> None:
    """Write genes in descending order of their ratios; of equal ones, the first gene first."""
    out[:] = -1
    # The bits of positive floats, read as integers, are in the order of the floats. They are
    # rounded, so that ratios that differ by an error of the last digits are equal.
    codes = ratios.view(np.int64)
    for j in range(codes.size):
        rounded = (codes[j] + _HALF) >> _GENE_BITS
        codes[j] = ((_CODES - rounded) << _GENE_BITS) | np.int64(genes[j])
    n = min(codes.size, out.size)
    best = codes
    if n < codes.size:
        best = np.partition(codes, n)[:n]
    best.sort()
    for j in range(n):
        out[j] = best[j] & (MOST_GENES - 1)


@numba.njit(nogil=True, cache=True)
def rank_tokens_csr(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    factor: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill each row of `out` with the genes of a cell in descending order of value / factor.

    Ratios that agree to nine digits are equal; of equal ones the gene of the lower position comes
    first. A row depends on nothing but its own values, in whatever order they are stored.

    Parameters
    ----------
    data, indices, indptr
        The rows, `(n_obs, n_vars)`, without duplicated entries; linear values, such as normalised
        counts. Those that are not above 0 are not expressed.
    factor
        float64 `(n_vars,)`, positive for expressed genes. At most `MOST_GENES` genes.
    out
        int32 `(n_obs, n_tokens)`: positions of genes, and -1 after the last.
    """
    ratios = np.empty(factor.size, dtype=np.float64)
    genes = np.empty(factor.size, dtype=np.int32)
    for i in range(out.shape[0]):
        n = 0
        for j in range(indptr[i], indptr[i + 1]):
            if data[j] > 0:
                gene = indices[j]
                ratios[n] = data[j] / factor[gene]
                genes[n] = gene
                n += 1
        _write_tokens(ratios[:n], genes[:n], out[i])


@numba.njit(nogil=True, cache=True)
def rank_tokens_dense(X: np.ndarray, factor: np.ndarray, out: np.ndarray) -> None:
    """Do what `rank_tokens_csr` does for a dense matrix `(n_obs, n_vars)`."""
    ratios = np.empty(factor.size, dtype=np.float64)
    genes = np.empty(factor.size, dtype=np.int32)
    for i in range(out.shape[0]):
        n = 0
        for gene in range(X.shape[1]):
            if X[i, gene] > 0:
                ratios[n] = X[i, gene] / factor[gene]
                genes[n] = gene
                n += 1
        _write_tokens(ratios[:n], genes[:n], out[i])
