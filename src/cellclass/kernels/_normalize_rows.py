"""Scale rows of expression to one sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    import numpy as np


@numba.njit(nogil=True, cache=True)
def _total(row: np.ndarray) -> float:
    # Neumaier's sum: of fractions, too, it does not depend on the order of the genes
    total = 0.0
    lost = 0.0
    for value in row:
        new = total + value
        lost += (total - new) + value if total >= value else (value - new) + total
        total = new
    return total + lost


@numba.njit(nogil=True, cache=True)
def normalize_rows(values: np.ndarray, indptr: np.ndarray, target_sum: float) -> None:
    """Turn each row's values x into `x · target_sum / Σx`, in place.

    Counts times a whole number give the same bits: the product is exact, the quotient is rounded
    once.

    Parameters
    ----------
    values
        float64 values of the rows, one after the other; not negative.
    indptr
        Where each row starts and ends in `values`, `(n_obs + 1,)`. Rows of zeros stay as they are.
    target_sum
        Sum to scale to.
    """
    for i in range(indptr.size - 1):
        row = values[indptr[i] : indptr[i + 1]]
        total = _total(row)
        if total > 0.0:
            for j in range(row.size):
                row[j] = row[j] * target_sum / total
