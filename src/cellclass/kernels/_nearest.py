"""The nearest of some thousand points, each compared with."""

from __future__ import annotations

import numba
import numpy as np

_BLOCK = 128


def nearest(points: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest points of each query by comparing it with all of them.

    Points that are like each other are best side by side: those that cannot be near are then left
    out after some of the axes.

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
    distance = np.empty((len(queries), k), dtype=np.float32)
    index = np.empty((len(queries), k), dtype=np.int64)
    more = (0, 0), (0, -points.shape[1] % 4)  # axes on which nothing differs
    by_axis = np.ascontiguousarray(np.pad(points, more).T, dtype=np.float32)
    _find(by_axis, np.ascontiguousarray(np.pad(queries, more), dtype=np.float32), distance, index)
    return np.sqrt(distance), index


@numba.njit(nogil=True, cache=True, fastmath={"contract", "nnan", "nsz"})
def _find(points: np.ndarray, queries: np.ndarray, distance: np.ndarray, index: np.ndarray) -> None:
    n_axes, n_points = points.shape
    k = distance.shape[1]
    square = np.empty(_BLOCK, dtype=np.float32)
    distance[:] = np.inf
    # Block by block, so that the points of one stay in the first level of cache for a while.
    for start in range(0, n_points, _BLOCK):
        n = min(_BLOCK, n_points - start)
        for q in range(queries.shape[0]):
            best, place = distance[q], index[q]
            farthest = best[k - 1]
            square[:n] = 0.0
            least = np.float32(0.0)
            for axis in range(0, n_axes, 4):  # which loads the sums a quarter as often
                q0, q1 = queries[q, axis], queries[q, axis + 1]
                q2, q3 = queries[q, axis + 2], queries[q, axis + 3]
                x0, x1 = points[axis, start : start + n], points[axis + 1, start : start + n]
                x2, x3 = points[axis + 2, start : start + n], points[axis + 3, start : start + n]
                for p in range(n):
                    d0, d1 = x0[p] - q0, x1[p] - q1
                    d2, d3 = x2[p] - q2, x3[p] - q3
                    square[p] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
                if axis % 8 == 4 or axis + 4 >= n_axes:
                    least = np.float32(np.inf)
                    for p in range(n):
                        least = min(least, square[p])
                    if least >= farthest:  # whatever the other axes add
                        break
            if least >= farthest:
                continue
            for p in range(n):
                if square[p] < farthest:
                    j = k - 1
                    while j > 0 and best[j - 1] > square[p]:
                        best[j], place[j] = best[j - 1], place[j - 1]
                        j -= 1
                    best[j], place[j] = square[p], start + p
                    farthest = best[k - 1]
