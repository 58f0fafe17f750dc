"""Sums over each row of a dense matrix."""

from __future__ import annotations

import numba
import numpy as np


def row_sums(X: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return for each row: how many values are above 0, their sum, and two sums of squares.

    Parameters
    ----------
    X
        float32 `(n_obs, n_vars)`.
    centre
        What is taken from a row before its last sum of squares, float32 `(n_vars,)`.

    Returns
    -------
    float64 `(n_obs, 4)`: `#{x > 0}`, `Σx`, `Σx²`, `Σ(x − centre)²`.
    """
    return _sums(np.ascontiguousarray(X, np.float32), np.ascontiguousarray(centre, np.float32))


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _sums(X: np.ndarray, centre: np.ndarray) -> np.ndarray:
    out = np.empty((X.shape[0], 4))
    for i in range(X.shape[0]):
        n, total, squares, centred = 0.0, 0.0, 0.0, 0.0
        for j in range(X.shape[1]):
            x = np.float64(X[i, j])
            away = x - np.float64(centre[j])
            if x > 0.0:
                n += 1.0
            total += x
            squares += x * x
            centred += away * away
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = n, total, squares, centred
    return out
