"""What one pass over the rows of an expression matrix can tell about its scale."""

from __future__ import annotations

import numba
import numpy as np

# A value counts as "a small multiple of one count" up to this multiple: beyond it, rounding of
# stored values (three decimals, say) is larger than the grid.
GRID_LIMIT = 20.0
GRID_TOLERANCE = 0.05
# A value tests the grid from this multiple of the smallest one.
GRID_START = 1.5
# Counts plus a constant have one and the same fractional part, told apart up to this value.
OFFSET_LIMIT = 100.0
OFFSET_TOLERANCE = 1e-4
OFFSET_LEAST = 1e-3

ROW_STATISTICS = np.dtype(
    [
        ("n_nonzero", np.int64),
        ("n_not_finite", np.int64),
        ("minimum", np.float64),
        ("maximum", np.float64),
        ("total", np.float64),  # Σ x
        ("total_expm1", np.float64),  # Σ (exp(x) − 1)
        ("integral", np.bool_),  # every value is a whole number
        ("grid", np.bool_),  # values are multiples of the smallest one
        ("grid_expm1", np.bool_),  # the same after exp(x) − 1
        ("informative", np.bool_),  # some value tests the grid
        ("informative_expm1", np.bool_),  # the same after exp(x) − 1
        ("offset", np.bool_),  # values are whole numbers plus the same constant
    ]
)


@numba.njit(nogil=True, cache=True)
def _is_multiple(ratio: float) -> bool:
    return ratio > GRID_LIMIT or abs(ratio - np.rint(ratio)) <= GRID_TOLERANCE


@numba.njit(nogil=True, cache=True)
def row_statistics(data: np.ndarray, indptr: np.ndarray, out: np.ndarray) -> None:
    """Describe each row of a matrix given as the stored values of its rows.

    Parameters
    ----------
    data
        float32 or float64 values, the rows one after the other; zeros are allowed.
    indptr
        Where each row starts and ends in `data`, `(n_obs + 1,)`.
    out
        Array of `ROW_STATISTICS`, `(n_obs,)`, that is filled.
    """
    for i in range(out.shape[0]):
        row = data[indptr[i] : indptr[i + 1]]
        n_nonzero = 0
        n_not_finite = 0
        minimum = 0.0
        maximum = 0.0
        total = 0.0
        total_expm1 = 0.0
        smallest = np.inf
        integral = True
        for x in row:
            value = np.float64(x)
            if value == 0.0:
                continue
            n_nonzero += 1
            if not np.isfinite(value):
                n_not_finite += 1
                continue
            minimum = min(minimum, value)
            maximum = max(maximum, value)
            total += value
            total_expm1 += np.expm1(value) if value < 700.0 else np.inf
            if 0.0 < value < smallest:
                smallest = value
            if value != np.rint(value):
                integral = False
        grid = True
        # A logarithm gives no whole numbers: two different ones settle that question.
        is_told = maximum > smallest * GRID_START
        informative = bool(integral and is_told)
        grid_expm1 = not informative
        informative_expm1 = informative
        offset = False
        # Whole numbers need no further look, and negative values settle the question.
        if not integral and minimum >= 0.0 and n_not_finite == 0:
            unit = smallest
            unit_expm1 = np.expm1(smallest)
            constant = smallest - np.rint(smallest)
            offset = is_told and smallest < OFFSET_LIMIT and abs(constant) > OFFSET_LEAST
            for x in row:
                value = np.float64(x)
                if value == 0.0:
                    continue
                ratio = value / unit
                informative = informative or bool(GRID_START < ratio <= GRID_LIMIT)
                if grid and not _is_multiple(ratio):
                    grid = False
                # exp(x) overflows long after the grid's limit
                if grid_expm1 and value < 50.0:
                    ratio = np.expm1(value) / unit_expm1
                    informative_expm1 = informative_expm1 or bool(GRID_START < ratio <= GRID_LIMIT)
                    grid_expm1 = bool(_is_multiple(ratio))
                if offset and value < OFFSET_LIMIT:
                    offset = bool(abs(value - np.rint(value) - constant) <= OFFSET_TOLERANCE)
                if not grid and not grid_expm1 and not offset:
                    break
            # Where no value lies on the grid there was one that tested it.
            informative |= not grid
            informative_expm1 |= not grid_expm1
        out[i].n_nonzero = n_nonzero
        out[i].n_not_finite = n_not_finite
        out[i].minimum = minimum
        out[i].maximum = maximum
        out[i].total = total
        out[i].total_expm1 = total_expm1
        out[i].integral = integral
        out[i].grid = grid
        out[i].grid_expm1 = grid_expm1
        out[i].informative = informative
        out[i].informative_expm1 = informative_expm1
        out[i].offset = offset
