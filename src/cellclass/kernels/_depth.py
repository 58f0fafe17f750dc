"""Factors that bring every cell to the median depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from cellclass.kernels._array_kinds import as_array_kind

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def depths(X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - any array kind
    """Return the sum of each cell's values, float64 `(n_obs,)`: its depth, in counts."""
    matrix = as_array_kind(X)
    if isinstance(matrix, np.ndarray):
        return matrix.sum(axis=1, dtype=np.float64)
    total = np.zeros(matrix.shape[0])
    if matrix.by_gene:
        _add_by_gene(matrix.data, matrix.indices, total)
    else:
        _sum_rows(matrix.data, matrix.indptr, total)
    return total


def factors_of(depth: NDArray[np.float64], codes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return `median depth / depth` of each cell; 1 where that is no positive number.

    The median is over the cells with a label and a depth above 0.
    """
    return factors_to(median_depth(depth, codes), depth)


def median_depth(depth: NDArray[np.float64], codes: NDArray[np.integer]) -> float:
    """Return the median over the cells with a label and a depth above 0; 1 without any."""
    used = depth[_is_positive(depth) & (codes >= 0)]
    return float(np.median(used)) if used.size else 1.0


def factors_to(target: float, depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `target / depth` of each cell; 1 where that is no positive number."""
    return np.divide(target, depth, out=np.ones_like(depth), where=_is_positive(depth))


def _is_positive(depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.isfinite(depth) & (depth > 0)


def depth_factors(X: Any, codes: NDArray[np.integer]) -> NDArray[np.float64]:  # noqa: ANN401
    """Return the factor of each cell that brings its counts to the median depth.

    Parameters
    ----------
    X
        Counts `(n_obs, n_vars)`, of any kind that `count_tables` takes.
    codes
        Label codes `(n_obs,)`; the median is over the cells with a code of at least 0.

    Returns
    -------
    float64 `(n_obs,)`, for `factors` of `count_tables`.
    """
    return factors_of(depths(X), np.asarray(codes))


@numba.njit(nogil=True, cache=True)
def _sum_rows(data: np.ndarray, indptr: np.ndarray, out: np.ndarray) -> None:
    for row in range(out.size):
        values = data[indptr[row] : indptr[row + 1]]
        total = 0.0
        for i in range(values.size):
            total += values[i]
        out[row] = total


@numba.njit(nogil=True, cache=True)
def _add_by_gene(data: np.ndarray, indices: np.ndarray, out: np.ndarray) -> None:
    for i in range(data.size):
        out[np.uint64(indices[i])] += data[i]
