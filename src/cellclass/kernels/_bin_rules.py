"""Which bins were asked for, and what they are for the values at hand."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native
from cellclass.kernels._bad_counts import COUNT_LIMIT
from cellclass.kernels._bins import EXACT, FINE, OCTAVES, QUANTILE, WIDTH, BinRule
from cellclass.kernels._counter import Counter, plan_counts
from cellclass.kernels._tables import CountTables, fill_gene

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Over = Callable[[Callable[..., Any], Callable[[list[Any]], Any]], Any]

Bins = None | str | int | tuple[str, int]

MOST_BINS = 1024
ROWS_AT_ONCE = 1024


def bin_rule(bins: Bins, over: Over) -> BinRule:
    """Return the rule for `bins`, of `count_tables`.

    Parameters
    ----------
    bins
        What was asked for.
    over
        Called as ``over(function, merge)`` for a pass over the matrix: calls ``function(X, codes,
        factors, n_threads=…)`` on its parts and ``merge`` on lists of the results, until there is
        one, and returns it. Only bins of equal width and quantiles need one.
    """
    kind, n = _parsed(bins)
    scales, edges = np.empty(0), np.empty((0, 0), dtype=np.int32)
    if kind == WIDTH:
        largest = over(largest_values, _largest_of)
        scales = np.divide(n, largest, out=np.zeros_like(largest), where=largest > 0)
    if kind == QUANTILE:
        edges = quantile_edges(over(count_fine, CountTables.merged), n)
    return BinRule(kind, n, scales, edges)


def takes_fractions(bins: Bins) -> bool:
    """Tell whether values other than whole numbers have a bin."""
    return _parsed(bins)[0] in (WIDTH, QUANTILE)


def _largest_of(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.maximum.reduce(parts)


def _parsed(bins: Bins) -> tuple[int, int]:
    if bins is None:
        return EXACT, 0
    name, n = bins if isinstance(bins, tuple) and len(bins) == 2 else (bins, 1)
    if name == "log2":
        n = operator.index(n)
        if not (1 <= n <= MOST_BINS and n & (n - 1) == 0):
            raise ValueError(f'bins=("log2", {n}): the parts of an octave are a power of two.')
        return OCTAVES, n
    by_quantile = name == "quantile" and isinstance(bins, tuple)
    asked: Any = n if by_quantile else bins
    if not isinstance(asked, int | np.integer) or isinstance(asked, bool):
        raise ValueError(  # noqa: TRY004 - the value of a wrong type is wrong, too
            f'bins={bins!r} is none of None, "log2", a number, ("log2", n) and ("quantile", n).'
        )
    n = int(asked)
    if not 1 <= n <= MOST_BINS:
        raise ValueError(f"bins={bins!r}: the number of bins is outside 1 to {MOST_BINS}.")
    return (QUANTILE if by_quantile else WIDTH), n


def count_fine(
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.integer],
    factors: NDArray[np.float64] | None,
    *,
    n_threads: int | None = None,
) -> CountTables:
    """Count all cells with a label in fine bins, as if they had the same one."""
    rule = BinRule(FINE, 0, np.empty(0), np.empty((0, 0), dtype=np.int32))
    same = np.minimum(codes, 0).astype(np.int16)
    counter = Counter(plan_counts(X, same, 1, rule=rule, factors=factors), n_threads=n_threads)
    counter.add(X, same, factors)
    return counter.result()


def quantile_edges(tables: CountTables, n: int) -> NDArray[np.int32]:
    """Return the last fine bin of each bin but the last, `(n_vars, n - 1)`."""
    edges = np.empty((tables.n_vars, n - 1), dtype=np.int32)
    _fill_edges(
        tables.table,
        tables.offsets,
        tables.overflow,
        tables.overflow_starts,
        tables.max_bins,
        edges,
    )
    return edges


@numba.njit(nogil=True, cache=True)
def _fill_edges(
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    overflow_starts: np.ndarray,
    max_bins: int,
    edges: np.ndarray,
) -> None:
    bins = np.empty(max_bins, dtype=np.int64)
    counts = np.empty((max_bins, 1), dtype=np.int64)
    n_bins = edges.shape[1] + 1
    for gene in range(edges.shape[0]):
        n = fill_gene(table, offsets, overflow, overflow_starts, gene, bins, counts)
        total = counts[1:n].sum()
        seen = 0
        edge = 0
        for i in range(1, n):
            seen += counts[i, 0]
            while edge < n_bins - 1 and seen * n_bins >= total * (edge + 1):
                edges[gene, edge] = bins[i]
                edge += 1
        edges[gene, edge:] = COUNT_LIMIT


def largest_values(
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.integer],
    factors: NDArray[np.float64] | None,
    *,
    n_threads: int | None = None,  # noqa: ARG001 - one pass of adding is as fast as reading
) -> NDArray[np.float64]:
    """Return each gene's largest value in the cells with a label, after scaling, `(n_vars,)`."""
    matrix = as_array_kind(X)
    largest = np.zeros(matrix.shape[1])
    scales = np.empty(0) if factors is None else np.asarray(factors, dtype=np.float64)
    if isinstance(matrix, Compressed):
        if not matrix.is_in_order() and matrix.has_duplicates():
            matrix = matrix.summed()
        arrays = (matrix.data, matrix.indices, matrix.indptr)
        codes = np.asarray(codes).astype(np.int16, copy=False)
        _fill_largest(*arrays, codes, scales, matrix.by_gene, largest)
        return largest
    for start in range(0, matrix.shape[0], ROWS_AT_ONCE):
        inside = slice(start, start + ROWS_AT_ONCE)
        used = np.flatnonzero(codes[inside] >= 0) + start
        block = as_native(matrix[used]).astype(np.float64)
        if scales.size:
            block = np.rint(block * scales[used, None])
        largest = np.fmax(largest, block.max(axis=0, initial=0))
    return largest


@numba.njit(nogil=True, cache=True)
def _fill_largest(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    codes: np.ndarray,
    factors: np.ndarray,
    by_gene: bool,  # noqa: FBT001 - kernels take positions
    largest: np.ndarray,
) -> None:
    for major in range(indptr.size - 1):
        for i in range(indptr[major], indptr[major + 1]):
            cell, gene = (indices[i], major) if by_gene else (major, indices[i])
            if codes[cell] >= 0:
                value = np.float64(data[i])
                if factors.size:
                    value = np.rint(value * factors[cell])
                if value > largest[gene]:
                    largest[gene] = value
