"""The transformations that expression is found under, and how each is undone."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np

# Places in arrays with one entry per transformation. What each makes of y = counts × a factor:
LINEAR: Final = 0  # y
LN: Final = 1  # ln(1 + y)
LOG2: Final = 2  # log2(1 + y)
LOG10: Final = 3  # log10(1 + y)
SQRT: Final = 4  # √y
DOUBLE_LOG: Final = 5  # ln(1 + ln(1 + y))
N_TRANSFORMS: Final = 6

#: Base of the logarithms.
BASES: Final = {LN: math.e, LOG2: 2.0, LOG10: 10.0}
#: No cell has more molecules or reads of a gene, even scaled to a million per cell.
LARGEST: Final = 1e12
# The largest value of each that is less than that.
_LIMITS = (
    LARGEST,
    math.log1p(LARGEST),
    math.log2(LARGEST),
    math.log10(LARGEST),
    math.sqrt(LARGEST),
    math.log1p(math.log1p(LARGEST)),
)
_LN2, _LN10 = math.log(2.0), math.log(10.0)


@numba.njit(nogil=True, cache=True)
def is_possible(maximum: float, transform: int) -> bool:
    """Tell whether the largest value of a cell is one that the transformation can give."""
    return maximum <= _LIMITS[transform]


@numba.njit(nogil=True, cache=True)
def undo(x: float, transform: int) -> float:
    """Undo a transformation: counts × a factor of a value as stored."""
    if transform == LN:
        return np.expm1(x)
    if transform == LOG2:
        return np.expm1(x * _LN2)
    if transform == LOG10:
        return np.expm1(x * _LN10)
    if transform == SQRT:
        return x * x
    if transform == DOUBLE_LOG:
        return np.expm1(np.expm1(x))
    return x


@numba.njit(nogil=True, cache=True)
def slope(x: float, y: float, transform: int) -> float:
    """Give the derivative of `undo` at `x`, where it gives `y`."""
    if transform == LN:
        return 1.0 + y
    if transform == LOG2:
        return (1.0 + y) * _LN2
    if transform == LOG10:
        return (1.0 + y) * _LN10
    if transform == SQRT:
        return 2.0 * x
    if transform == DOUBLE_LOG:
        return (1.0 + y) * np.exp(x)
    return 1.0


@numba.njit(nogil=True, cache=True)
def restore(x: float, form: tuple[int, float, bool]) -> float:
    """Bring a stored value that is not zero back to counts × a factor.

    Parameters
    ----------
    x
        The value.
    form
        Which transformation to undo; the constant to subtract before; whether the result is a
        count, to be rounded to a whole number.
    """
    transform, offset, is_count = form
    y = undo(x - offset, transform)
    return np.rint(y) if is_count else y


@numba.njit(nogil=True, cache=True)
def restore_values(values: np.ndarray, form: tuple[int, float, bool], out: np.ndarray) -> None:
    """Write counts × a factor of stored values into `out`; zeros stay zeros."""
    for i in range(values.shape[0]):
        x = np.float64(values[i])
        out[i] = restore(x, form) if x != 0.0 else 0.0
