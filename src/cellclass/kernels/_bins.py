"""From a value to its bin: the compiled part, one value at a time.

A bin is a whole number from 0, and 0 holds the zeros alone. Every rule is monotone, and a value's
bin depends on the value, its gene and its cell only: so bins of parts of a matrix add up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

from cellclass.kernels._bad_counts import COUNT_LIMIT

if TYPE_CHECKING:
    from typing import Any

LIMIT = np.uint32(COUNT_LIMIT)
"""Stands for a value that has no bin."""

EXACT, OCTAVES, FINE, WIDTH, QUANTILE = range(5)

FINE_PARTS = 16
"""Parts of an octave that the search for quantiles tells apart: whole numbers up to 32 exactly."""
FINE_START = 33
"""Octaves below 1 that it tells apart."""


class BinRule(NamedTuple):
    """How values become bins; what a kernel needs to know, in the types of numba."""

    kind: int
    n: int
    """Bins above 0 (`WIDTH`, `QUANTILE`) or parts of an octave, a power of two (`OCTAVES`)."""
    scales: np.ndarray
    """float64 `(n_vars,)`: bins per unit of value (`WIDTH`); else empty."""
    edges: np.ndarray
    """int32 `(n_vars, n - 1)`: last fine bin of each bin but the last (`QUANTILE`); else empty."""

    @property
    def takes_fractions(self) -> bool:
        """Whether values other than whole numbers have a bin."""
        return self.kind in (FINE, WIDTH, QUANTILE)


def as_count(value: Any) -> Any:  # noqa: ANN401 - a number or its type
    """Return a value as an unsigned integer, or `LIMIT` when it is no whole number below it."""
    raise NotImplementedError  # only compiled functions call it


@overload(as_count)
def _as_count(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, types.Integer):

        def from_integer(value: Any) -> Any:  # noqa: ANN401
            wide = np.int64(value)  # of uint64, what does not fit becomes negative
            return np.uint32(wide) if (wide >= 0) & (wide < COUNT_LIMIT) else LIMIT

        return from_integer
    kind = np.float32 if value.bitwidth == 32 else np.float64
    limit, zero = kind(COUNT_LIMIT), kind(0)

    def from_float(value: Any) -> Any:  # noqa: ANN401
        inside = value if (value >= zero) & (value < limit) else limit  # NaN is not inside
        count = np.int32(inside)
        return np.uint32(count) if kind(count) == inside else LIMIT

    return from_float


@numba.njit(nogil=True, cache=True)
def octave_bin(count: int, parts: int) -> np.uint32:
    """Return the bin of a whole number in equal parts of octaves; exact below ``2 * parts``."""
    shifted, base = np.uint32(count), np.uint32(0)
    while shifted >= np.uint32(2 * parts):
        shifted >>= np.uint32(1)
        base += np.uint32(parts)
    return base + shifted


@numba.njit(nogil=True, cache=True)
def fine_bin(value: float) -> np.uint32:
    """Return the bin of a positive number in `FINE_PARTS` equal parts of octaves."""
    mantissa, exponent = math.frexp(value)  # mantissa from 0.5 up to 1
    part = int((mantissa - 0.5) * (2 * FINE_PARTS))
    return np.uint32(max((exponent + FINE_START) * FINE_PARTS + part, 1))


@numba.njit(nogil=True, cache=True)
def scaled_count(value: float, factor: float) -> np.uint32:
    """Return a count scaled and rounded, or `LIMIT` when the value is no count."""
    count = as_count(value)
    product = as_count(np.rint(np.float64(count) * factor))
    return product if count < LIMIT else LIMIT


@numba.njit(nogil=True, cache=True)
def has_limit(bins: np.ndarray) -> bool:
    """Tell whether a value had no bin."""
    largest = np.uint32(0)
    for i in range(bins.size):  # which vectorises, as "for one in bins" does not
        largest = max(largest, bins[i])
    return bool(largest >= LIMIT)


@numba.njit(nogil=True, cache=True)
def counts_of(values: np.ndarray, bins: np.ndarray) -> bool:
    """Fill `bins` with values as whole numbers; tell whether one is none."""
    for i in range(values.size):
        bins[i] = as_count(values[i])
    return has_limit(bins[: values.size])


@numba.njit(nogil=True, cache=True)
def octave_bins(parts: int, bins: np.ndarray) -> None:
    """Turn counts into bins by parts of octaves, in place; `LIMIT` stays.

    As `octave_bin`, without a branch: the octave of a whole number is the exponent by which a float
    is stored.
    """
    exact = np.int32(127)  # the exponent of 1, and of counts that are bins of their own
    while np.int32(1) << (exact - np.int32(126)) <= np.int32(parts):
        exact += np.int32(1)
    for i in range(bins.size):
        exponent = np.int32(np.float32(bins[i]).view(np.uint32) >> np.uint32(23))
        shift = np.uint32(max(exponent - exact, np.int32(0)))
        one = shift * np.uint32(parts) + (bins[i] >> shift)
        bins[i] = one if bins[i] < LIMIT else LIMIT


@numba.njit(nogil=True, cache=True)
def real_bin(value: float, kind: int, n: int, scale: float) -> np.uint32:
    """Return the bin by width, or the fine bin, of a number; `LIMIT` when it is none from 0 on."""
    if not 0.0 <= value < COUNT_LIMIT:
        return LIMIT
    if value == 0.0:
        return np.uint32(0)
    if kind == WIDTH:
        return np.uint32(1 + min(int(value * scale), n - 1))
    return fine_bin(value)


@numba.njit(nogil=True, cache=True)
def bin_between(fine: int, edges: np.ndarray, gene: int) -> np.uint32:
    """Return the bin between the edges of a gene; 0 and `LIMIT` stay."""
    if fine == 0 or fine == LIMIT:
        return np.uint32(fine)
    above = np.uint32(1)
    for i in range(edges.shape[1]):
        above += np.uint32(fine > edges[np.uint64(gene), np.uint64(i)])
    return above


@numba.njit(nogil=True, cache=True)
def bins_of_row(
    values: np.ndarray, genes: np.ndarray, factor: float, rule: BinRule, bins: np.ndarray
) -> bool:
    """Fill `bins` with the bins of a cell's values; tell whether one has none.

    `factor` scales counts; with 0 the values stay as they are.
    """
    kind, n, scales, edges = rule
    if kind > OCTAVES:
        for i in range(values.size):
            value = np.float64(values[i])
            if factor != 0.0:
                value = np.float64(scaled_count(values[i], factor))
            scale = scales[np.uint64(genes[i])] if kind == WIDTH else 0.0
            bins[i] = real_bin(value, kind, n, scale)
    elif factor != 0.0:
        for i in range(values.size):
            bins[i] = scaled_count(values[i], factor)
    else:
        for i in range(values.size):
            bins[i] = as_count(values[i])
    if kind == OCTAVES:
        octave_bins(n, bins[: values.size])
    elif kind == QUANTILE:
        for i in range(values.size):
            bins[i] = bin_between(bins[i], edges, genes[i])
    return has_limit(bins[: values.size])


@numba.njit(nogil=True, cache=True)
def bins_of_column(
    values: np.ndarray,
    cells: np.ndarray,
    gene: int,
    factors: np.ndarray,
    rule: BinRule,
    bins: np.ndarray,
) -> bool:
    """Fill `bins` with the bins of a gene's values; tell whether one has none.

    `factors` holds one factor for each cell of the matrix, or nothing.
    """
    kind, n, scales, edges = rule
    if kind > OCTAVES:
        scale = scales[gene] if kind == WIDTH else 0.0
        for i in range(values.size):
            value = np.float64(values[i])
            if factors.size:
                value = np.float64(scaled_count(values[i], factors[np.uint64(cells[i])]))
            bins[i] = real_bin(value, kind, n, scale)
    elif factors.size:
        for i in range(values.size):
            bins[i] = scaled_count(values[i], factors[np.uint64(cells[i])])
    else:
        for i in range(values.size):
            bins[i] = as_count(values[i])
    if kind == OCTAVES:
        octave_bins(n, bins[: values.size])
    elif kind == QUANTILE:
        for i in range(values.size):
            bins[i] = bin_between(bins[i], edges, gene)
    return has_limit(bins[: values.size])
