"""The generalised Jensen–Shannon divergence of each gene's counts between labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy.special import xlogy

from cellclass.kernels._array_kinds import as_array_kind
from cellclass.kernels._count_entries import LABEL_BITS, LABEL_MASK
from cellclass.kernels._count_tables import count_tables
from cellclass.kernels._threads import even_parts, run, threads_for

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from cellclass.kernels._count_tables import CountTables

WEIGHTS_TOLERANCE = 1e-8


def count_divergence(
    X: Any,  # noqa: ANN401 - any array kind
    codes: ArrayLike,
    n_labels: int,
    *,
    weights: str | ArrayLike = "uniform",
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    r"""Measure how much each gene's counts differ between labels.

    For each gene, the generalised Jensen–Shannon divergence [1]_ of the distributions
    :math:`p_k` of its count among the cells of label :math:`k`, with weights :math:`w_k`:

    .. math:: H\Bigl(\sum_k w_k p_k\Bigr) - \sum_k w_k H(p_k), \qquad H(p) = -\sum_v p(v) \ln p(v)

    Each whole number is a value of its own: nothing is binned or smoothed. The result is exact up
    to the rounding of float64, and the same bits for every array kind. Zeros are never stored:
    they follow from the sizes of the labels.

    Parameters
    ----------
    X
        Counts `(n_obs, n_vars)`, whole numbers from 0 to 2²⁴ - 1. CSR and CSC (matrix or array,
        int32 or int64 indices, in any order, with or without stored zeros and duplicates) and
        dense arrays, of any integer, boolean or float type; other sparse formats are converted to
        CSR. Never changed.
    codes
        Label of each cell as an integer from 0 to ``n_labels - 1``, `(n_obs,)`; -1 leaves the
        cell out.
    n_labels
        Number of labels.
    weights
        ``"uniform"``: every label counts the same, 1 / `n_labels`. ``"frequency"``: its share of
        the cells, which makes the result the mutual information of count and label. Or one
        non-negative number per label, `(n_labels,)`, with sum 1.
    n_threads
        Number of threads; by default as many as are of use, at most 8. The result is the same.

    Returns
    -------
    float64 `(n_vars,)`, in nats: 0 where all labels have the same distribution, at most
    :math:`-\sum_k w_k \ln w_k`. A gene with a single value gives exactly 0.

    Raises
    ------
    ValuesError
        A value is NaN, infinite, negative, fractional or at least 2²⁴.
    ValueError
        `codes` or `weights` do not fit, no cell has a label, or a label with a weight has no cell.
    TypeError
        `X` or `codes` is of a kind that is not supported.

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on
       Information Theory 37, 1991, doi:10.1109/18.61115

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[5, 1], [5, 2], [0, 1], [0, 2]])
    >>> (count_divergence(X, [0, 0, 1, 1], 2) / np.log(2)).tolist()
    [1.0, 0.0]
    """
    matrix = as_array_kind(X)
    codes = _checked_codes(codes, matrix.shape[0], n_labels)
    n_cells = np.bincount(codes[codes >= 0], minlength=n_labels)
    _checked_weights(weights, n_cells)
    tables = count_tables(matrix, codes, n_labels, n_threads=n_threads)
    return divergences(tables, weights=weights, n_threads=n_threads)


def divergences(
    tables: CountTables,
    *,
    weights: str | ArrayLike = "uniform",
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    """Measure it from tables: what `count_divergence` does after its pass over the matrix.

    Parameters
    ----------
    tables
        What `count_tables` returned.
    weights, n_threads
        As for `count_divergence`.

    Returns
    -------
    float64 `(n_vars,)`, in nats.

    Raises
    ------
    ValueError
        `weights` do not fit, or a label with a weight has no cell.
    """
    shares = _checked_weights(weights, tables.n_cells)
    n_cells = tables.n_cells
    counts = np.arange(n_cells.max() + 1, dtype=np.float64)
    xlogx = xlogy(counts, counts)
    divergence = np.empty(tables.n_vars, dtype=np.float64)
    parts = even_parts(
        np.full(tables.n_vars, tables.n_labels), threads_for(tables.table.size, n_threads)
    )
    run(
        lambda part: _divergences(
            tables.table,
            tables.offsets,
            tables.overflow,
            tables.overflow_starts,
            tables.max_bins,
            shares / np.maximum(n_cells, 1),
            xlogx,
            float(np.sum(xlogy(shares, n_cells))),
            *part,
            divergence,
        ),
        parts,
    )
    return divergence


def _checked_codes(codes: ArrayLike, n_obs: int, n_labels: int) -> NDArray[np.integer]:
    codes = np.asarray(codes)
    if codes.dtype.kind not in "iu":
        raise TypeError(f"codes holds {codes.dtype} values; integers are needed.")
    if codes.shape != (n_obs,):
        raise ValueError(f"codes has shape {codes.shape}; one code per cell is ({n_obs},).")
    if codes.size == 0 or codes.max() < 0:
        raise ValueError("No cell has a label: every code is -1, or there are no cells.")
    if codes.min() < -1 or codes.max() >= n_labels:
        raise ValueError(
            f"codes go from {codes.min()} to {codes.max()}; with {n_labels} labels they are -1 to "
            f"{n_labels - 1}."
        )
    return codes.astype(np.int32, copy=False)


def _checked_weights(weights: str | ArrayLike, n_cells: np.ndarray) -> NDArray[np.float64]:
    n_labels = n_cells.size
    if isinstance(weights, str):
        if weights not in ("uniform", "frequency"):
            raise ValueError(f'weights={weights!r} is neither "uniform" nor "frequency".')
        uniform = weights == "uniform"
        shares = np.full(n_labels, 1 / n_labels) if uniform else n_cells / n_cells.sum()
    else:
        shares = np.asarray(weights, dtype=np.float64)
        if shares.shape != (n_labels,):
            raise ValueError(f"weights has shape {shares.shape}; one per label is ({n_labels},).")
        if not (np.isfinite(shares).all() and (shares >= 0).all()):
            raise ValueError("weights holds a negative or non-finite number.")
        if abs(shares.sum() - 1) > WEIGHTS_TOLERANCE:
            raise ValueError(f"weights sum to {shares.sum():.9g}; divide them by their sum.")
    empty = np.flatnonzero((n_cells == 0) & (shares > 0))
    if empty.size:
        raise ValueError(f"Label {empty[0]} has a weight but no cells; give it weight 0.")
    return shares


@numba.njit(nogil=True, cache=True)
def _divergences(
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    overflow_starts: np.ndarray,
    max_bins: int,
    weight_of_cell: np.ndarray,
    xlogx: np.ndarray,
    mean_log_cells: float,
    first: int,
    last: int,
    out: np.ndarray,
) -> None:
    """Turn the tables of the genes from `first` to `last` into divergences.

    Labels go up in the sums of a bin, then bins go up: the order of the sums, hence every bit, is
    the same wherever a value is stored.
    """
    n_labels = table.shape[0]
    mixed = np.empty(max_bins, dtype=np.float64)  # Σ w p
    inner = np.empty(max_bins, dtype=np.float64)  # Σ w/n · n_b ln(n_b)
    for gene in range(first, last):
        start = np.uint64(offsets[gene])
        n = np.int64(offsets[gene + 1]) - np.int64(offsets[gene])
        mixed[:n] = 0.0
        inner[:n] = 0.0
        for label in range(n_labels):
            weight = weight_of_cell[label]
            counts = table[label, start : start + np.uint64(n)]
            for i in range(n):
                mixed[i] += weight * counts[i]
                inner[i] += weight * xlogx[np.uint64(counts[i])]
        key, stop = overflow_starts[gene], overflow_starts[gene + 1]
        while key < stop:
            one = overflow[key] >> LABEL_BITS
            mixed[n] = 0.0
            inner[n] = 0.0
            while key < stop and overflow[key] >> LABEL_BITS == one:
                begin = key
                while key < stop and overflow[key] == overflow[begin]:
                    key += 1
                weight = weight_of_cell[overflow[begin] & LABEL_MASK]
                mixed[n] += weight * (key - begin)
                inner[n] += weight * xlogx[key - begin]
            n += 1

        mixture = 0.0  # H(Σ w p)
        within = 0.0  # Σ w ln(n) - Σ w H(p)
        n_values = 0
        for i in range(n):
            within += inner[i]
            if mixed[i] > 0.0:
                mixture -= mixed[i] * np.log(mixed[i])
                n_values += 1
        difference = mixture - mean_log_cells + within
        out[gene] = max(difference, 0.0) if n_values > 1 else 0.0
