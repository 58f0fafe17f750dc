"""Add the cells of a matrix, or of its parts one after the other, to the tables of counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass.errors import ValuesError
from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native
from cellclass.kernels._bad_counts import COUNT_LIMIT, find_bad_counts
from cellclass.kernels._bins import EXACT
from cellclass.kernels._count_entries import (
    IN_ORDER,
    LABEL_BITS,
    NOT_A_COUNT,
    count_columns,
    count_dense_columns,
    count_dense_rows,
    count_rows,
)
from cellclass.kernels._slots import plan_slots
from cellclass.kernels._tables import CountTables, fill_zeros
from cellclass.kernels._threads import even_parts, run, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from cellclass.kernels._bins import BinRule
    from cellclass.kernels._count_entries import Int

BLOCK_BYTES = 1 << 25


@dataclass(frozen=True)
class CountPlan:
    """What all parts of a matrix share while they are counted."""

    n_labels: int
    offsets: NDArray[np.uint32]
    """uint32 `(n_vars + 1,)`: where the slots of each gene begin and end."""
    rule: BinRule


def plan_counts(
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.integer],
    n_labels: int,
    *,
    rule: BinRule,
    factors: ArrayLike | None = None,
    n_cells: int | None = None,
) -> CountPlan:
    """Plan the table from a sample of cells.

    Parameters
    ----------
    X, codes, n_labels, factors
        As `count_tables` takes them; the matrix, or cells that are like all of its cells.
    rule
        How values become bins.
    n_cells
        How many cells will be counted; those of `codes` by default.
    """
    matrix = as_array_kind(X)
    if n_labels > 1 << LABEL_BITS or matrix.shape[1] > 1 << 25:
        raise ValueError(
            f"{n_labels} labels and {matrix.shape[1]} genes do not fit; at most {1 << LABEL_BITS} "
            f"labels and {1 << 25} genes do."
        )
    cells = np.flatnonzero(codes >= 0)
    cells = cells[np.argsort(codes[cells].astype(np.int16), kind="stable")]
    n_cells = cells.size if n_cells is None else n_cells
    factors = _checked_factors(factors, matrix.shape[0])
    return CountPlan(n_labels, plan_slots(matrix, cells, n_labels, rule, factors, n_cells), rule)


class Counter:
    """Tables that grow by one part of the matrix after the other.

    Parameters
    ----------
    plan
        What `plan_counts` returned.
    n_threads
        As `count_tables` takes it.
    """

    def __init__(self, plan: CountPlan, *, n_threads: int | None = None) -> None:
        self.plan = plan
        self.n_threads = n_threads
        self._table = np.zeros((plan.n_labels, int(plan.offsets[-1])), dtype=np.uint32)
        self._overflow: list[NDArray[np.int64]] = []
        self._n_cells = np.zeros(plan.n_labels, dtype=np.int64)
        self._is_new = True

    def add(
        self,
        X: Any,  # noqa: ANN401 - any array kind
        codes: NDArray[np.integer],
        factors: ArrayLike | None = None,
    ) -> None:
        """Count the cells of a part `(n_obs, n_vars)`; after an error, nothing can be added.

        Raises
        ------
        ValuesError
            A value has no bin.
        """
        matrix = as_array_kind(X)
        labels = np.asarray(codes).astype(np.int16, copy=False)
        factors = _checked_factors(factors, matrix.shape[0])
        if not self._is_new and isinstance(matrix, Compressed) and not matrix.is_in_order():
            matrix = matrix.summed() if matrix.has_duplicates() else matrix
        overflow, status = self._count(matrix, labels, factors)
        if (
            self._is_new
            and status != IN_ORDER
            and isinstance(matrix, Compressed)
            and matrix.has_duplicates()
        ):
            matrix = matrix.summed()
            self._table.fill(0)
            overflow, status = self._count(matrix, labels, factors)
        if status == NOT_A_COUNT:
            fractions = self.plan.rule.takes_fractions and not factors.size
            raise not_counts(X, codes, fractions=fractions)
        self._overflow += overflow
        self._n_cells += np.bincount(labels[labels >= 0], minlength=self.plan.n_labels)
        self._is_new = False

    def result(self) -> CountTables:
        """Return the tables; then nothing can be added."""
        overflow = np.concatenate([np.empty(0, dtype=np.int64), *self._overflow])
        overflow.sort()
        fill_zeros(self._table, self.plan.offsets, overflow, self._n_cells)
        return CountTables(self._table, self.plan.offsets, overflow, self._n_cells)

    def _count(
        self,
        matrix: np.ndarray | Compressed,
        codes: NDArray[np.int16],
        factors: NDArray[np.float64],
    ) -> tuple[list[NDArray[np.int64]], int]:
        """Add to the table; return the overflow and the worst status of the kernels."""
        if isinstance(matrix, Compressed):
            arrays = (_signed(matrix.data), matrix.indices, matrix.indptr)
            work = np.diff(matrix.indptr)
            if matrix.by_gene:
                return self._by_gene(count_columns, arrays, work, codes, factors)
            return self._by_cell(count_rows, arrays, work, codes, factors)
        n_obs, n_vars = matrix.shape
        if matrix.flags.c_contiguous and as_native(matrix[:0]).dtype == matrix.dtype:
            work = np.full(n_obs, n_vars)
            return self._by_cell(count_dense_rows, (_signed(matrix),), work, codes, factors)
        if matrix.flags.f_contiguous and as_native(matrix[:0]).dtype == matrix.dtype:
            work = np.full(n_vars, n_obs)
            return self._by_gene(count_dense_columns, (_signed(matrix.T),), work, codes, factors)
        overflow, status = [], IN_ORDER
        step = max(1, BLOCK_BYTES // max(1, n_vars * matrix.itemsize))
        for start in range(0, n_obs, step):
            inside = slice(start, start + step)
            block = as_native(np.ascontiguousarray(matrix[inside]))
            work = np.full(block.shape[0], n_vars)
            more, status = self._by_cell(
                count_dense_rows, (_signed(block),), work, codes[inside], factors[inside]
            )
            overflow += more
            if status == NOT_A_COUNT:
                break
        return overflow, status

    def _by_cell(
        self,
        kernel: Callable[..., tuple[Int, Int, Int]],
        arrays: tuple[np.ndarray, ...],
        work: NDArray[np.int64],
        codes: NDArray[np.int16],
        factors: NDArray[np.float64],
    ) -> tuple[list[NDArray[np.int64]], int]:
        """Count cells label by label; a thread that starts inside a label has a row of its own."""
        rule = self._rule(factors)
        n_labels = self.plan.n_labels
        n_cells = np.bincount(codes[codes >= 0], minlength=n_labels)
        order = np.argsort(codes, kind="stable")[codes.size - n_cells.sum() :]
        starts = np.concatenate([[0], np.cumsum(n_cells)])
        n_parts = threads_for(int(work.sum()), self.n_threads)

        if order.size == 0:
            return [], IN_ORDER

        def count(
            part: tuple[int, int],
        ) -> tuple[list[NDArray[np.int64]], int, int, np.ndarray | None]:
            begin, end = part
            first = int(np.searchsorted(starts, begin, side="right")) - 1
            shared = self._table[first : first + 1]
            own = np.zeros_like(shared) if starts[first] < begin else None
            middle = min(int(starts[min(first + 1, n_labels)]), end)
            overflow: list[NDArray[np.int64]] = []
            status = IN_ORDER
            for label, table, start, stop in (
                (first, shared if own is None else own, begin, middle),
                (first + 1, self._table[first + 1 :], middle, end),
            ):
                if start < stop and status != NOT_A_COUNT:
                    bounds = np.clip(starts[label : label + table.shape[0] + 1], start, stop)
                    rows = order[start:stop]
                    given = (*arrays, factors, rule, rows, bounds - start, label, table)
                    more, one = self._fill(kernel, given, work[rows], 0, rows.size)
                    overflow += more
                    status = min(status, one)
            return overflow, status, first, own

        counted = run(count, even_parts(work[order], n_parts))
        for _, _, first, own in counted:
            if own is not None:
                self._table[first] += own[0]
        return [more for part in counted for more in part[0]], min(part[1] for part in counted)

    def _by_gene(
        self,
        kernel: Callable[..., tuple[Int, Int, Int]],
        arrays: tuple[np.ndarray, ...],
        work: NDArray[np.int64],
        codes: NDArray[np.int16],
        factors: NDArray[np.float64],
    ) -> tuple[list[NDArray[np.int64]], int]:
        """Count gene by gene; no two threads share one."""
        n_labels = self.plan.n_labels
        # one byte for each cell leaves more of the cache to the counts
        small = np.uint8 if n_labels < 1 << 8 else np.uint16
        codes = np.where(codes < 0, n_labels, codes).astype(small)
        given = (*arrays, factors, self._rule(factors), codes, self._table)
        parts = even_parts(work, threads_for(int(work.sum()), self.n_threads))
        counted = run(
            lambda part: self._fill(kernel, given, work[slice(*part)], *part, stops=True), parts
        )
        return [more for part in counted for more in part[0]], min(part[1] for part in counted)

    def _rule(self, factors: NDArray[np.float64]) -> BinRule | None:
        """Return the rule as the kernels take it."""
        plain = self.plan.rule.kind == EXACT and not factors.size
        return None if plain else self.plan.rule

    def _fill(
        self,
        kernel: Callable[..., tuple[Int, Int, Int]],
        given: tuple[Any, ...],
        work: NDArray[np.int64],
        position: int,
        stop: int,
        *,
        stops: bool = False,
    ) -> tuple[list[NDArray[np.int64]], int]:
        """Run a kernel to its end, with one more buffer whenever the overflow is full."""
        longest = int(work.max(initial=0))
        size = max(longest, 1024 + int(work.sum()) // 128)
        overflow, status = [], IN_ORDER
        while True:
            buffer = np.empty(size, dtype=np.int64)
            end = (stop,) if stops else ()
            n, reached, one = kernel(*given, self.plan.offsets, buffer, 0, position, *end)
            overflow.append(buffer[:n])
            position, status = int(reached), min(status, int(one))
            if position >= stop or status == NOT_A_COUNT:
                return overflow, status
            size *= 2


def _signed(values: np.ndarray) -> np.ndarray:
    """Spare the kernels two types: what changes by this is too large for a count anyway."""
    if values.dtype.kind == "u" and values.dtype.itemsize >= 4:
        return values.view(f"i{values.dtype.itemsize}")
    return values


def _checked_factors(factors: ArrayLike | None, n_obs: int) -> NDArray[np.float64]:
    if factors is None:
        return np.empty(0)
    factors = np.asarray(factors, dtype=np.float64)
    if factors.size == 0 and n_obs:  # already checked, and none
        return factors
    if factors.shape != (n_obs,):
        raise ValueError(f"factors has shape {factors.shape}; one per cell is ({n_obs},).")
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise ValueError("factors holds a number that is not positive and finite.")
    return factors


def not_counts(
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.integer],
    *,
    fractions: bool,
    first_cell: int = 0,
    first_gene: int = 0,
) -> ValuesError:
    """Say which value has no bin, and where it is."""
    bad = find_bad_counts(X, codes, fractions=fractions)
    if bad is None:
        return ValuesError(f"A value times its factor is {COUNT_LIMIT:,} or more.")
    needed = "numbers from 0 to" if fractions else "whole numbers from 0 to"
    error = ValuesError(
        f"The matrix holds {bad}: the first is {bad.value:.8g} in gene {bad.gene + first_gene}, "
        f"cell {bad.cell + first_cell} (positions from 0). Counts are needed: {needed} "
        f"{COUNT_LIMIT - 1:,}."
    )
    error.cell, error.gene = bad.cell + first_cell, bad.gene + first_gene
    return error
