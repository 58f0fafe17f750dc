"""Whether the values of a cell are whole multiples of one unit, as scaled counts are.

A transformation that is undone rightly leaves counts times a factor, and so multiples of a unit:
the smallest value, or a whole part of it where the smallest count is not one. One that is undone
wrongly leaves values between the multiples. How far a value may lie from a multiple follows from
how precisely it is stored, so that values beyond that precision tell nothing.
"""

from __future__ import annotations

import numba
import numpy as np

from cellclass.kernels._transforms import LINEAR, SQRT, slope, undo

#: The unit is sought down to this part of the smallest value; and down to that one, where the
#: smallest count of a cell is large, because it is deep and has few genes.
MOST_PARTS, MANY_PARTS = 32, 1024
# Values of a cell, all different, on which the unit is sought.
N_PROBES = 16
_SAME = 1e-5
# Distance from a multiple, in units, from which on a value tells nothing, and below which chance
# is not taken to be any smaller.
_BLUNT = 0.2
_SHARPEST = 2.0**-12
# Error of a logarithm whose 1 + y was rounded to single precision.
_ONE_PLUS = 2e-7
CONTRADICTED = -1.0
#: How the values of a cell may be whole numbers: not at all; they are; they are, but multiples of a
#: larger unit as well.
NOT_WHOLE, WHOLE, MAYBE_WHOLE = 0, 1, 2


@numba.njit(nogil=True, cache=True)
def find_probes(row: np.ndarray, smallest: float, probes: np.ndarray) -> int:
    """Collect the next larger different values of a cell, which tell most; return how many."""
    n = 0
    for x in row:
        value = np.float64(x)
        if value <= smallest * (1.0 + _SAME) or (n == probes.shape[0] and value >= probes[n - 1]):
            continue
        place = n
        while place > 0 and probes[place - 1] > value:
            place -= 1
        if (place > 0 and value - probes[place - 1] <= _SAME * value) or (
            place < n and probes[place] - value <= _SAME * value
        ):
            continue
        n = min(n + 1, probes.shape[0])
        for k in range(n - 1, place, -1):
            probes[k] = probes[k - 1]
        probes[place] = value
    return n


@numba.njit(nogil=True, cache=True)
def _doubt(x: float, y: float, transform: int, relative: float, absolute: float) -> float:
    """How far `y` may be off, from how precisely `x` is stored."""
    if transform != LINEAR and transform != SQRT:
        absolute += _ONE_PLUS
    return slope(x, y, transform) * (relative * x + absolute)


@numba.njit(nogil=True, cache=True)
def _bits(ratio: float, doubt: float) -> float:
    """Evidence (bits) that a value is a multiple of the unit, or `CONTRADICTED`."""
    if doubt >= _BLUNT:
        return 0.0
    if abs(ratio - np.rint(ratio)) > doubt:
        return CONTRADICTED
    return -np.log2(2.0 * max(doubt, _SHARPEST))


@numba.njit(nogil=True, cache=True)
def _probe_bits(y: np.ndarray, doubts: np.ndarray, unit: float, unit_doubt: float) -> float:
    """Evidence (bits) that all probes are multiples of a unit, or `CONTRADICTED`."""
    total = 0.0
    for i in range(y.shape[0]):
        ratio = y[i] / unit
        bits = _bits(ratio, doubts[i] / unit + ratio * unit_doubt)
        if bits == CONTRADICTED:
            return CONTRADICTED
        total += bits
    return total


@numba.njit(nogil=True, cache=True)
def _is_grid(
    row: np.ndarray,
    transform: int,
    unit: float,
    unit_doubt: float,
    relative: float,
    absolute: float,
) -> bool:
    """Tell whether no value of a row contradicts a unit."""
    for i in range(row.shape[0]):
        x = np.float64(row[i])
        if x != 0.0:
            y = undo(x, transform)
            ratio = y / unit
            doubt = _doubt(x, y, transform, relative, absolute) / unit + ratio * unit_doubt
            if _bits(ratio, doubt) == CONTRADICTED:
                return False
    return True


@numba.njit(nogil=True, cache=True)
def fit_grid(
    row: np.ndarray,
    probes: np.ndarray,
    smallest: float,
    transform: int,
    relative: float,
    absolute: float,
    most_parts: int,
) -> tuple[float, float, int]:
    """Seek the unit of a cell once a transformation is undone.

    Parameters
    ----------
    row
        All values of the cell; zeros are left out.
    probes
        Some of them, as `find_probes` gives them.
    smallest
        The smallest of them.
    transform
        Which transformation to undo.
    relative, absolute
        How precisely the values are stored.
    most_parts
        How small a part of the smallest value the unit may be.

    Returns
    -------
    bits
        Evidence: minus the binary logarithm of the probability that values without a unit pass;
        `CONTRADICTED` where there is no unit.
    unit
        The unit; 0 where there is none.
    whole
        `NOT_WHOLE`, `WHOLE` or `MAYBE_WHOLE`.
    """
    lowest = undo(smallest, transform)
    doubt = _doubt(smallest, lowest, transform, relative, absolute)
    y = np.empty(probes.shape[0])
    doubts = np.empty(probes.shape[0])
    for i in range(probes.shape[0]):
        y[i] = undo(probes[i], transform)
        doubts[i] = _doubt(probes[i], y[i], transform, relative, absolute)
    best, best_unit, whole = CONTRADICTED, 0.0, NOT_WHOLE
    # Whole numbers need no unit to be estimated, and settle more.
    n = np.rint(lowest)
    if n >= 1.0 and abs(lowest - n) <= min(doubt, _BLUNT):
        bits = _probe_bits(y, doubts, 1.0, 0.0)
        if bits != CONTRADICTED and _is_grid(row, transform, 1.0, 0.0, relative, absolute):
            best = bits - np.log2(2.0 * max(doubt, _SHARPEST))
            best_unit, whole = 1.0, WHOLE
            most_parts = int(min(n - 1.0, MOST_PARTS))  # a smaller unit would tell less
    for parts in range(1, most_parts + 1):
        unit = lowest / parts
        bits = _probe_bits(y, doubts, unit, doubt / lowest)
        if bits == CONTRADICTED:
            continue
        if not _is_grid(row, transform, unit, doubt / lowest, relative, absolute):
            continue
        if whole == WHOLE:
            whole = MAYBE_WHOLE
        bits = max(bits - 2.0 * np.log2(parts), 0.0)
        if bits > best:
            return bits, unit, whole
    return best, best_unit, whole
