"""Turn parts of a sparse matrix from rows to columns, and join what parts hold of the same rows.

The kernels are serial and release the interpreter lock.
"""

from __future__ import annotations

import numba
import numpy as np

Int = int | np.integer


@numba.njit(nogil=True, cache=True)
def by_column(
    columns: np.ndarray, values: np.ndarray, row_ends: np.ndarray, first_row: Int, n_columns: Int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort the entries of some rows by column; within a column, rows stay in order.

    Parameters
    ----------
    columns, values
        The entries, row by row.
    row_ends
        Entries up to the end of each row; those behind the last end belong to one more row.
    first_row
        Row of the first entry.
    n_columns
        Columns of the matrix.

    Returns
    -------
    Bounds of each column, int64 `(n_columns + 1,)`, the int32 rows, and the values.
    """
    bounds = np.zeros(n_columns + 1, np.int64)
    for i in range(columns.size):
        bounds[np.int64(columns[i]) + 1] += 1
    for column in range(n_columns):
        bounds[column + 1] += bounds[column]
    place = bounds[:-1].copy()
    rows, sorted_values = np.empty(columns.size, np.int32), np.empty_like(values)
    start = 0
    for row in range(row_ends.size + 1):
        stop = row_ends[row] if row < row_ends.size else columns.size
        for i in range(start, stop):
            to = place[columns[i]]
            rows[to] = first_row + row
            sorted_values[to] = values[i]
            place[columns[i]] = to + 1
        start = stop
    return bounds, rows, sorted_values


@numba.njit(nogil=True, cache=True)
def add_part(
    bounds: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    place: np.ndarray,
    out_indices: np.ndarray,
    out_values: np.ndarray,
) -> None:
    """Copy what a part holds of some rows to `place`, and move `place` behind it.

    Row ``i`` of the part is ``bounds[i]`` to ``bounds[i + 1]``, counted from ``bounds[0]``.
    """
    for row in range(place.size):
        start, stop = bounds[row] - bounds[0], bounds[row + 1] - bounds[0]
        to = place[row]
        for i in range(start, stop):
            out_indices[to] = indices[i]
            out_values[to] = values[i]
            to += 1
        place[row] = to
