"""Count the entries of a matrix into the slots of their gene and label; the innermost loops.

The kernels are serial and release the interpreter lock. Their indices are unsigned, which spares
numba's test for negative ones in the innermost loops. Entries are taken in short blocks: their
bins are computed first, in a loop that vectorises, then counted.

All add to `table`, uint32 `(n_labels, n_slots)`, at ``[label, offsets[gene] + bin]``; what the
slot of bin 0 holds afterwards has no meaning. An entry whose bin lies beyond the slots of its gene
goes to `overflow` as one int64 key. A kernel stops before a row (or column) whose entries might
not fit there. It returns three numbers: how many keys there are, the position it stopped at, which
is the end when all is counted, and a status: `NOT_A_COUNT` when it met a value without a bin,
else whether the entries of every row stood in order, so that there can be no duplicates.

`factors` holds one factor per cell, by which counts are multiplied before they are rounded, or
nothing. The rule None stands for whole numbers as they are; numba then leaves the other branch
out, which would take most of the time of compilation.
"""

from __future__ import annotations

import numba
import numpy as np

from cellclass.kernels._bins import LIMIT, BinRule, bins_of_column, bins_of_row, counts_of
from cellclass.kernels._prefetch import prefetch

Int = int | np.integer

# a key holds, from the highest bit: gene (25 bits), bin (24), label (14)
LABEL_BITS = 14
GENE_SHIFT = LABEL_BITS + 24
LABEL_MASK = (1 << LABEL_BITS) - 1

NOT_A_COUNT, OUT_OF_ORDER, IN_ORDER = -1, 0, 1

BLOCK = 64
COLUMN_BLOCK = 1024
LINE = 16


@numba.njit(nogil=True, cache=True)
def key_of(gene: Int, count: Int, label: Int) -> Int:
    """Return the overflow key of an entry."""
    return np.int64(gene) << GENE_SHIFT | np.int64(count) << LABEL_BITS | np.int64(label)


@numba.njit(nogil=True, cache=True)
def _rises(positions: np.ndarray) -> bool:
    """Tell whether positions go up."""
    falls = np.int64(0)
    later = positions[1:]
    for i in range(later.size):
        falls |= np.int64(later[i] <= positions[i])
    return falls == 0


@numba.njit(nogil=True, cache=True)
def _add_row(
    genes: np.ndarray,
    bins: np.ndarray,
    label: int,
    counts: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
    soon: np.ndarray,
    soon_too: np.ndarray,
    following: int,
) -> int:
    """Count the entries of one cell; return the new number of keys.

    Meanwhile `soon` and `soon_too` are loaded, from position `following` on.
    """
    for start in range(0, genes.size, BLOCK):
        for line in range(0, BLOCK, LINE):
            prefetch(soon, following + start + line)
            prefetch(soon_too, following + start + line)
        some_genes, some_bins = genes[start : start + BLOCK], bins[start : start + BLOCK]
        for i in range(some_genes.size):
            gene = np.uint64(some_genes[i])
            slot = offsets[gene] + np.uint64(some_bins[i])
            if slot < offsets[gene + np.uint64(1)]:
                counts[slot] += np.uint32(1)
            else:
                overflow[n_overflow] = key_of(gene, some_bins[i], label)
                n_overflow += 1
    return n_overflow


@numba.njit(nogil=True, cache=True)
def count_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    factors: np.ndarray,
    rule: BinRule | None,
    rows: np.ndarray,
    starts: np.ndarray,
    first_label: int,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
    position: int,
) -> tuple[Int, Int, Int]:
    """Count cells of a CSR matrix; `rows` holds those of label k from `starts[k]` on.

    Label by label, the slots in use stay in the cache. Labels are counted from `first_label`.
    """
    bins = np.empty(_longest(indptr, rows), dtype=np.uint32)
    in_order = True
    for label in range(table.shape[0]):
        for place in range(max(starts[label], position), starts[label + 1]):
            begin, end = indptr[rows[place]], indptr[rows[place] + 1]
            if end - begin > overflow.size - n_overflow:
                return n_overflow, place, np.int64(in_order)
            genes = indices[begin:end]
            in_order &= _rises(genes)
            factor = factors[rows[place]] if factors.size else 0.0
            if rule is None:
                bad = counts_of(data[begin:end], bins)
            else:
                bad = bins_of_row(data[begin:end], genes, factor, rule, bins)
            if bad:
                return n_overflow, place, NOT_A_COUNT
            n_overflow = _add_row(
                genes,
                bins,
                first_label + label,
                table[label],
                offsets,
                overflow,
                n_overflow,
                indices,
                data,
                indptr[rows[min(place + 1, rows.size - 1)]],
            )
    return n_overflow, rows.size, np.int64(in_order)


@numba.njit(nogil=True, cache=True)
def _compress(row: np.ndarray, positions: np.ndarray, values: np.ndarray) -> Int:
    """Gather what is not 0; without a branch, for such entries are at random places."""
    n = np.uint64(0)
    for i in range(row.size):
        positions[n], values[n] = i, row[i]
        n += np.uint64(row[i] != 0)
    return np.int64(n)


@numba.njit(nogil=True, cache=True)
def count_dense_rows(
    X: np.ndarray,
    factors: np.ndarray,
    rule: BinRule | None,
    rows: np.ndarray,
    starts: np.ndarray,
    first_label: int,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
    position: int,
) -> tuple[Int, Int, Int]:
    """Do what `count_rows` does for a C-ordered dense matrix."""
    bins = np.empty(X.shape[1], dtype=np.uint32)
    genes = np.empty(X.shape[1], dtype=np.uint32)
    values = np.empty(X.shape[1], dtype=X.dtype)
    for label in range(table.shape[0]):
        for place in range(max(starts[label], position), starts[label + 1]):
            n = _compress(X[rows[place]], genes, values)
            if n > overflow.size - n_overflow:
                return n_overflow, place, IN_ORDER
            factor = factors[rows[place]] if factors.size else 0.0
            if rule is None:
                bad = counts_of(values[:n], bins)
            else:
                bad = bins_of_row(values[:n], genes[:n], factor, rule, bins)
            if bad:
                return n_overflow, place, NOT_A_COUNT
            n_overflow = _add_row(
                genes[:n],
                bins,
                first_label + label,
                table[label],
                offsets,
                overflow,
                n_overflow,
                genes,
                values,
                0,
            )
    return n_overflow, rows.size, IN_ORDER


@numba.njit(nogil=True, cache=True)
def _add_column(
    cells: np.ndarray,
    bins: np.ndarray,
    gene: int,
    codes: np.ndarray,
    n_labels: int,
    counts: np.ndarray,
    n_slots: Int,
    overflow: np.ndarray,
    n_overflow: int,
) -> int:
    """Count entries of one gene into `counts`, `(n_slots * (n_labels + 1),)`."""
    stride, width = np.uint64(n_labels + 1), np.uint32(n_slots)
    for i in range(cells.size):
        label = np.uint64(codes[np.uint64(cells[i])])
        if bins[i] < width:
            counts[np.uint64(bins[i]) * stride + label] += np.uint32(1)
        elif label < np.uint64(n_labels):
            overflow[n_overflow] = key_of(gene, bins[i], label)
            n_overflow += 1
    return n_overflow


@numba.njit(nogil=True, cache=True)
def _is_used(cells: np.ndarray, bins: np.ndarray, codes: np.ndarray, n_labels: int) -> bool:
    """Tell whether a value without a bin is in a cell with a label."""
    for i in range(cells.size):  # noqa: SIM110 - numba has no any() of a generator
        if bins[i] == LIMIT and codes[cells[i]] < n_labels:
            return True
    return False


@numba.njit(nogil=True, cache=True)
def _move_counts(counts: np.ndarray, start: Int, stop: Int, table: np.ndarray) -> None:
    """Add the counts of a gene to the table, and clear them."""
    stride = table.shape[0] + 1
    for label in range(table.shape[0]):
        for i in range(stop - start):
            table[label, start + i] += counts[i * stride + label]
    counts[: (stop - start) * stride] = 0


@numba.njit(nogil=True, cache=True)
def count_columns(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    factors: np.ndarray,
    rule: BinRule | None,
    codes: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
    position: int,
    stop_position: int,
) -> tuple[Int, Int, Int]:
    """Count genes of a CSC matrix; cells with code `n_labels` are left out."""
    n_labels = table.shape[0]
    bins = np.empty(COLUMN_BLOCK, dtype=np.uint32)
    counts = np.zeros(_widest(offsets) * (n_labels + 1), dtype=np.uint32)
    in_order = True
    for gene in range(position, stop_position):
        begin, end = indptr[gene], indptr[gene + 1]
        if end - begin > overflow.size - n_overflow:
            return n_overflow, gene, np.int64(in_order)
        in_order &= _rises(indices[begin:end])
        start, stop = np.int64(offsets[gene]), np.int64(offsets[gene + 1])
        for first in range(begin, end, COLUMN_BLOCK):
            last = min(first + COLUMN_BLOCK, end)
            cells = indices[first:last]
            if rule is None:
                bad = counts_of(data[first:last], bins)
            else:
                bad = bins_of_column(data[first:last], cells, gene, factors, rule, bins)
            if bad and _is_used(cells, bins, codes, n_labels):
                return n_overflow, gene, NOT_A_COUNT
            n_overflow = _add_column(
                cells, bins, gene, codes, n_labels, counts, stop - start, overflow, n_overflow
            )
        _move_counts(counts, start, stop, table)
    return n_overflow, stop_position, np.int64(in_order)


@numba.njit(nogil=True, cache=True)
def count_dense_columns(
    X: np.ndarray,
    factors: np.ndarray,
    rule: BinRule | None,
    codes: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
    position: int,
    stop_position: int,
) -> tuple[Int, Int, Int]:
    """Do what `count_columns` does for the transpose of a dense matrix, genes as its rows."""
    n_labels = table.shape[0]
    bins = np.empty(X.shape[1], dtype=np.uint32)
    cells = np.empty(X.shape[1], dtype=np.uint32)
    values = np.empty(X.shape[1], dtype=X.dtype)
    counts = np.zeros(_widest(offsets) * (n_labels + 1), dtype=np.uint32)
    for gene in range(position, stop_position):
        n = _compress(X[gene], cells, values)
        if n > overflow.size - n_overflow:
            return n_overflow, gene, IN_ORDER
        start, stop = np.int64(offsets[gene]), np.int64(offsets[gene + 1])
        if rule is None:
            bad = counts_of(values[:n], bins)
        else:
            bad = bins_of_column(values[:n], cells[:n], gene, factors, rule, bins)
        if bad and _is_used(cells[:n], bins, codes, n_labels):
            return n_overflow, gene, NOT_A_COUNT
        n_overflow = _add_column(
            cells[:n], bins, gene, codes, n_labels, counts, stop - start, overflow, n_overflow
        )
        _move_counts(counts, start, stop, table)
    return n_overflow, stop_position, IN_ORDER


@numba.njit(nogil=True, cache=True)
def _longest(indptr: np.ndarray, rows: np.ndarray) -> Int:
    longest = 0
    for row in rows:
        longest = max(longest, indptr[row + 1] - indptr[row])
    return longest


@numba.njit(nogil=True, cache=True)
def _widest(offsets: np.ndarray) -> Int:
    widest = np.int64(0)
    for gene in range(offsets.size - 1):
        widest = max(widest, np.int64(offsets[gene + 1]) - np.int64(offsets[gene]))
    return widest
