"""The nearest of some thousand points."""

from __future__ import annotations

import numba
import numpy as np

# Points whose smallest distance is looked at before any of them is.
_GROUP = 16
# Queries whose distances are found together, in one matrix product.
_BLOCK = 128
# What rounding may take from half a squared distance, beside half the squared lengths.
_ROUNDING = 1e-5


def nearest(points: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest points of each query, exactly.

    A matrix product gives all distances up to rounding. Those that may be among the nearest are
    computed anew, so that the answer for a query is the same whatever other queries there are.

    Parameters
    ----------
    points
        `(n_points, D)`, float32.
    queries
        `(n_queries, D)`, float32.
    k
        How many to find; no more than there are.

    Returns
    -------
    distance
        Euclidean, increasing, float32 `(n_queries, k)`.
    index
        Which points these are, int64 `(n_queries, k)`; the first of those at one distance.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    square = np.full((len(queries), k), np.inf, dtype=np.float32)
    index = np.zeros((len(queries), k), dtype=np.int64)
    # |a − b|² / 2 less |b|² / 2, which is the same for all points, in one product.
    half = (points**2).sum(axis=1, dtype=np.float32) / 2
    slack = _ROUNDING * (half.max(initial=0) + (queries**2).sum(axis=1, dtype=np.float32) / 2)
    terms = np.pad(np.vstack([-points.T, half]), ((0, 0), (0, -len(points) % _GROUP)))
    terms[-1, len(points) :] = np.inf  # none of them is near
    halves = np.empty((_BLOCK, terms.shape[1]), dtype=np.float32)
    for start in range(0, len(queries), _BLOCK):
        part = slice(start, start + _BLOCK)
        some = queries[part]
        found = halves[: len(some)]
        np.matmul(np.hstack([some, np.ones((len(some), 1), np.float32)]), terms, out=found)
        _pick(found, 2 * slack[part], points, some, square[part], index[part])
    return np.sqrt(square), index


@numba.njit(nogil=True, cache=True, fastmath={"contract", "nnan", "nsz"})
def _pick(
    halves: np.ndarray,
    slack: np.ndarray,
    points: np.ndarray,
    queries: np.ndarray,
    square: np.ndarray,
    index: np.ndarray,
) -> None:
    """Fill in the nearest points of queries, from half the squared distances up to rounding."""
    n_queries, k = square.shape
    n_groups = halves.shape[1] // _GROUP
    smallest = np.empty(n_groups, dtype=np.float32)
    nearest_groups = np.empty(k, dtype=np.float32)
    for q in range(n_queries):
        for group in range(n_groups):
            least = halves[q, group * _GROUP]
            for p in range(1, _GROUP):
                least = min(least, halves[q, group * _GROUP + p])
            smallest[group] = least
        # k groups hold a point that is as near as this, so that no other is among the nearest.
        nearest_groups[:] = np.inf
        for group in range(n_groups):
            if smallest[group] < nearest_groups[-1]:
                j = k - 1
                while j > 0 and nearest_groups[j - 1] > smallest[group]:
                    nearest_groups[j] = nearest_groups[j - 1]
                    j -= 1
                nearest_groups[j] = smallest[group]
        most = nearest_groups[-1] + slack[q]
        for group in range(n_groups):
            if smallest[group] <= most:
                for p in range(group * _GROUP, min((group + 1) * _GROUP, len(points))):
                    if halves[q, p] <= most:
                        _insert(_square(points, p, queries, q), p, square, index, q)


@numba.njit(nogil=True, cache=True)
def _square(points: np.ndarray, p: int, queries: np.ndarray, q: int) -> np.float32:
    """Square a distance, term by term in their order."""
    total = 0.0
    for axis in range(points.shape[1]):
        away = np.float64(points[p, axis]) - np.float64(queries[q, axis])
        total += away * away
    return np.float32(total)


@numba.njit(nogil=True, cache=True)
def _insert(new: np.float32, p: int, square: np.ndarray, index: np.ndarray, q: int) -> None:
    """Put a point, which comes after those seen, among the nearest of a query if it is one."""
    j = square.shape[1] - 1
    if new >= square[q, j]:
        return
    while j > 0 and square[q, j - 1] > new:
        square[q, j], index[q, j] = square[q, j - 1], index[q, j - 1]
        j -= 1
    square[q, j], index[q, j] = new, p
