"""What one pass over the rows of an expression matrix can tell about its scale."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from cellclass.kernels._row_grid import (
    CONTRADICTED,
    MANY_PARTS,
    MOST_PARTS,
    N_PROBES,
    NOT_WHOLE,
    find_probes,
    fit_grid,
)
from cellclass.kernels._transforms import LINEAR, N_TRANSFORMS, is_possible, undo

#: Values nearer than this to a whole number are near it.
NEAR = 0.1
_LARGE = 0.5
# Decimals up to which rounded values are recognised.
_MOST_DECIMALS = 5

ROW_STATISTICS = np.dtype(
    [
        ("minimum", np.float64),
        ("maximum", np.float64),
        ("smallest", np.float64),  # of the positive values; infinite where there is none
        ("n_nonzero", np.int32),
        ("n_not_finite", np.int32),
        ("n_smallest", np.int32),  # how many values equal the smallest
        ("n_large", np.int32),  # values from 0.5 on
        ("n_near_whole", np.int32),  # those of them that are near a whole number
        ("integral", np.bool_),  # every value is a whole number
        ("same_fraction", np.bool_),  # every value is a whole number above the smallest one
        ("unit", np.float32),  # of which the values are multiples; 0 where there is none
        # With one entry per transformation, as `_transforms` numbers them, after undoing it:
        ("total", np.float32, N_TRANSFORMS),  # sum; NaN where not computed
        ("spread", np.float32, N_TRANSFORMS),  # mean square over squared mean of the non-zeros
        ("bits", np.int8, N_TRANSFORMS),  # evidence for multiples of a unit; -1: there is none
        ("whole", np.uint8, N_TRANSFORMS),  # whether they are whole numbers, as `_row_grid` says
    ]
)
_MOST_BITS = 100.0
# Different values that it takes to find a unit among many, and evidence (bits).
_LEAST_PROBES, _TELLING = 6, 9.0


@numba.njit(nogil=True, cache=True)
def _decimals_precision(row: np.ndarray, smallest: float) -> float:
    """Half a unit of the last decimal of values that were rounded; 0 where they were not.

    Where most values above the smallest are whole, the others are fractions of counts.
    """
    n_whole = 0
    n = 0
    level = 0.0
    has_levels = False  # one level of many may be whole by chance
    for x in row:
        if x > smallest:
            n += 1
            if x == np.rint(x):
                n_whole += 1
                value = np.float64(x)
                has_levels = has_levels or (level > 0.0 and level != value)
                level = value
    if 2 * n_whole > n and has_levels:
        return 0.0
    for decimals in range(1, _MOST_DECIMALS + 1):
        scale = 10.0**decimals
        rounded = True
        for x in row:
            value = np.float64(x) * scale
            if abs(value - np.rint(value)) > 1.3e-7 * value + 1e-9:
                rounded = False
                break
        if rounded:
            return 0.5 / scale
    return 0.0


@numba.njit(nogil=True, cache=True)
def _note_sums(total: float, squares: float, transform: int, out: Any) -> None:  # noqa: ANN401
    if total > 0.0:
        out.total[transform] = total
        out.spread[transform] = out.n_nonzero * squares / (total * total)


@numba.njit(nogil=True, cache=True)
def _sum_up(row: np.ndarray, out: Any) -> None:  # noqa: ANN401 - a record
    """Sum a row after undoing each transformation that its largest value allows."""
    for t in range(N_TRANSFORMS):
        if not is_possible(out.maximum, t):
            continue
        total = 0.0
        squares = 0.0
        for x in row:
            if x != 0:
                y = undo(np.float64(x), t)
                total += y
                squares += y * y
        _note_sums(total, squares, t, out)


@numba.njit(nogil=True, cache=True)
def _look_over(row: np.ndarray, out: Any) -> None:  # noqa: ANN401 - a record
    """Fill what needs no transformation to be undone, and the rest with nothing."""
    n_nonzero = 0
    n_not_finite = 0
    minimum = 0.0
    maximum = 0.0
    smallest = np.inf
    n_smallest = 0
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
        if value == smallest:
            n_smallest += 1
        elif 0.0 < value < smallest:
            smallest = value
            n_smallest = 1
        if value != np.rint(value):
            integral = False
    out.n_nonzero = n_nonzero
    out.n_not_finite = n_not_finite
    out.minimum = minimum
    out.maximum = maximum
    out.smallest = smallest
    out.n_smallest = n_smallest
    out.integral = integral
    out.same_fraction = integral
    out.total[:] = np.nan
    out.spread[:] = np.nan
    out.bits[:] = 0
    out.whole[:] = NOT_WHOLE
    out.unit = 0.0


@numba.njit(nogil=True, cache=True)
def row_statistics(
    data: np.ndarray,
    indptr: np.ndarray,
    precision: float,
    out: np.ndarray,
    only_look: bool,  # noqa: FBT001
) -> None:
    """Describe each row of a matrix given as the stored values of its rows.

    Parameters
    ----------
    data
        float32 or float64 values, the rows one after the other; zeros are allowed.
    indptr
        Where each row starts and ends in `data`, `(n_obs + 1,)`.
    precision
        Relative error that the values may have.
    out
        Array of `ROW_STATISTICS`, `(n_obs,)`, that is filled.
    only_look
        Leave transformations out: `total`, `spread`, `bits`, `whole`, `unit`, `n_large` and
        `n_near_whole` say nothing.
    """
    probes = np.zeros(N_PROBES)
    for i in range(out.shape[0]):
        row = data[indptr[i] : indptr[i + 1]]
        _look_over(row, out[i])
        # Negative values settle the question, and an empty row asks none.
        if only_look or out[i].n_nonzero == 0 or out[i].n_not_finite or out[i].minimum < 0.0:
            continue
        _describe(row, precision, probes, out[i])


@numba.njit(nogil=True, cache=True)
def _describe(row: np.ndarray, precision: float, probes: np.ndarray, out: Any) -> None:  # noqa: ANN401
    total = 0.0
    squares = 0.0
    n_large = 0
    n_near = 0
    same_fraction = True
    for x in row:
        value = np.float64(x)
        if value >= _LARGE:
            n_large += 1
            n_near += abs(value - np.rint(value)) <= NEAR
        if value != 0.0:
            above = value - out.smallest
            if abs(above - np.rint(above)) > 1e-6 + 1.3e-7 * value:
                same_fraction = False
    out.n_large = n_large
    out.n_near_whole = n_near
    out.same_fraction = same_fraction
    found = probes[: find_probes(row, out.smallest, probes)]
    if out.integral:
        # Whole numbers are multiples of one; the probes are enough to rule out logarithms.
        for x in row:
            value = np.float64(x)
            total += value
            squares += value * value
        _note_sums(total, squares, LINEAR, out)
        _fit_grids(found, found, precision, 0.0, out)
    else:
        _sum_up(row, out)
        _fit_grids(row, found, precision, _decimals_precision(row, out.smallest), out)


@numba.njit(nogil=True, cache=True)
def _fit_grids(
    row: np.ndarray,
    probes: np.ndarray,
    relative: float,
    absolute: float,
    out: Any,  # noqa: ANN401
) -> None:
    is_told = False
    for most_parts in (MOST_PARTS, MANY_PARTS):
        for t in range(N_TRANSFORMS):
            if not is_possible(out.maximum, t):
                out.bits[t] = np.int8(CONTRADICTED)
                continue
            bits, unit, whole = fit_grid(
                row, probes, out.smallest, t, relative, absolute, most_parts
            )
            if most_parts == MANY_PARTS and bits < _TELLING:
                continue  # among many units one fits by chance
            is_told |= bits >= _TELLING
            out.bits[t] = np.int8(min(bits, _MOST_BITS))
            out.whole[t] = whole
            if t == LINEAR:
                out.unit = unit
        if is_told or probes.shape[0] < _LEAST_PROBES:
            return
