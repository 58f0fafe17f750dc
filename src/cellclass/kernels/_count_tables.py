"""Count, for each label and gene, the cells that have each value: one pass over the matrix.

A table with one compact range of slots per gene, wide enough for nearly all values of a sample of
cells, takes almost every entry. The rare large values go to a list that is sorted once. Both
together are exact, whatever the sample was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass.errors import ValuesError
from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native
from cellclass.kernels._bad_counts import COUNT_LIMIT, find_bad_counts
from cellclass.kernels._count_entries import (
    LABEL_BITS,
    NOT_A_COUNT,
    count_columns,
    count_dense,
    count_rows,
)
from cellclass.kernels._slots import plan_slots

if TYPE_CHECKING:
    from typing import Any

BLOCK_BYTES = 1 << 25


@dataclass(frozen=True)
class CountTables:
    """How many cells of each label have each value of each gene."""

    table: np.ndarray
    """uint32 `(n_labels, n_slots)`: cells with value v of gene g at `offsets[g] + v`. The slots
    of value 0 hold nothing of use: zeros follow from `n_cells`."""
    offsets: np.ndarray
    """uint32 `(n_vars + 1,)`: where the slots of each gene begin and end."""
    overflow: np.ndarray
    """int64 `(n_overflow,)`: one sorted key ``gene << 38 | value << 14 | label`` per entry whose
    value lies beyond the slots of its gene."""
    n_cells: np.ndarray
    """int64 `(n_labels,)`: cells of each label."""


def count_tables(X: Any, codes: np.ndarray, n_labels: int) -> CountTables:  # noqa: ANN401
    """Count the cells of each label that have each value of each gene.

    Parameters
    ----------
    X
        Counts `(n_obs, n_vars)`: CSR, CSC, other sparse or dense, of any integer or float type.
    codes
        Label codes `(n_obs,)`, signed integers; -1 leaves a cell out.
    n_labels
        Number of labels, at most 16,384.

    Raises
    ------
    ValuesError
        A value is not a whole number from 0 to 2²⁴ - 1.
    """
    matrix = as_array_kind(X)
    if n_labels > 1 << LABEL_BITS or matrix.shape[1] > 1 << 25:
        raise ValueError(
            f"{n_labels} labels and {matrix.shape[1]} genes do not fit; at most {1 << LABEL_BITS} "
            f"labels and {1 << 25} genes do."
        )
    codes = codes.astype(np.int32, copy=False)
    n_cells = np.bincount(codes[codes >= 0], minlength=n_labels)
    by_label = np.argsort(codes.astype(np.int16), kind="stable")[codes.size - n_cells.sum() :]
    offsets = plan_slots(matrix, by_label, n_labels)
    table = np.zeros((n_labels, int(offsets[-1])), dtype=np.uint32)
    n_entries = matrix.data.size if isinstance(matrix, Compressed) else matrix.size
    overflow = np.empty(1024 + n_entries // 128, dtype=np.int64)

    n_overflow, in_order = _count(matrix, codes, by_label, n_cells, table, offsets, overflow)
    unsure = n_overflow == NOT_A_COUNT or not in_order
    if unsure and isinstance(matrix, Compressed) and matrix.has_duplicates():
        matrix = matrix.summed()
        table.fill(0)
        n_overflow, _ = _count(matrix, codes, by_label, n_cells, table, offsets, overflow)
    if n_overflow > overflow.size:  # deep counts: now the size is known
        overflow = np.empty(n_overflow, dtype=np.int64)
        table.fill(0)
        _count(matrix, codes, by_label, n_cells, table, offsets, overflow)
    if n_overflow == NOT_A_COUNT:
        raise _not_counts(X, codes)
    overflow = overflow[:n_overflow]
    overflow.sort()
    return CountTables(table, offsets, overflow, n_cells)


def _not_counts(X: Any, codes: np.ndarray) -> ValuesError:  # noqa: ANN401 - any array kind
    bad = find_bad_counts(X, codes)
    where = (
        f"the first is {bad.value:.8g} in gene {bad.gene}, cell {bad.cell}" if bad else "unknown"
    )
    return ValuesError(
        f"The matrix holds {bad}: {where} (positions from 0). Counts are needed: whole numbers "
        f"from 0 to {COUNT_LIMIT - 1:,}."
    )


def _count(
    matrix: np.ndarray | Compressed,
    codes: np.ndarray,
    by_label: np.ndarray,
    n_cells: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
) -> tuple[int, bool]:
    """Fill the table; return the size of the overflow and whether all entries were in order."""
    if isinstance(matrix, Compressed):
        arrays = (matrix.data, matrix.indices, matrix.indptr)
        if matrix.by_gene:
            return count_columns(*arrays, codes, table, offsets, overflow)
        starts = np.concatenate([[0], np.cumsum(n_cells)])
        return count_rows(*arrays, by_label, starts, table, offsets, overflow)
    n_overflow = 0
    step = max(1, BLOCK_BYTES // max(1, matrix.shape[1] * matrix.itemsize))
    for start in range(0, matrix.shape[0], step):
        inside = slice(start, start + step)
        block = as_native(np.ascontiguousarray(matrix[inside]))
        order = np.argsort(codes[inside], kind="stable")  # one label's slots at a time in cache
        n_overflow = count_dense(block, codes[inside], order, table, offsets, overflow, n_overflow)
        if n_overflow == NOT_A_COUNT:
            break
    return n_overflow, True
