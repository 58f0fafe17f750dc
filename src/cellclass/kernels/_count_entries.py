"""Count the entries of a matrix into the slots of their gene and label; the innermost loops.

The kernels are serial and release the interpreter lock. Their indices are unsigned, which spares
numba's test for negative ones in the innermost loop.

All fill `table`, uint32 `(n_labels, n_slots)`, at ``[label, offsets[gene] + value]``. An entry
whose value lies beyond the slots of its gene goes to `overflow` as one int64 key. When `overflow`
is too short, the entries are counted on without being stored. All return the number of such
entries, or `NOT_A_COUNT` as soon as a value is not a whole number from 0 to 2²⁴ - 1.
"""

from __future__ import annotations

import numba
import numpy as np

from cellclass.kernels._bad_counts import COUNT_LIMIT

# a key holds, from the highest bit: gene (25 bits), value (24), label (14)
LABEL_BITS = 14
GENE_SHIFT = LABEL_BITS + 24
LABEL_MASK = (1 << LABEL_BITS) - 1

NOT_A_COUNT = -1
_LIMIT = np.uint32(COUNT_LIMIT)


@numba.njit(nogil=True, cache=True)
def _as_count(value: float) -> np.uint32:
    """Return the value as an integer, or the limit when it is not a count."""
    if value >= 0 and value < _LIMIT:  # false for NaN
        count = np.uint32(value)
        if count == value:
            return count
    return _LIMIT


@numba.njit(nogil=True, cache=True)
def _store(
    overflow: np.ndarray, n_overflow: int, gene: np.uint64, count: np.uint32, label: int
) -> int:
    if n_overflow < overflow.size:
        overflow[n_overflow] = (
            np.int64(gene) << GENE_SHIFT | np.int64(count) << LABEL_BITS | np.int64(label)
        )
    return n_overflow + 1


@numba.njit(nogil=True, cache=True)
def count_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
) -> tuple[int, bool]:
    """Count a CSR matrix; `rows` holds the cells of label k from `starts[k]` to `starts[k + 1]`.

    Label by label, the slots in use stay in the cache. Also returns whether the genes of every
    cell went up, so that there can be no duplicates.
    """
    n_overflow = 0
    in_order = True
    for label in range(table.shape[0]):
        counts = table[label]
        for row in rows[starts[label] : starts[label + 1]]:
            genes = indices[indptr[row] : indptr[row + 1]]
            values = data[indptr[row] : indptr[row + 1]]
            previous = np.int64(-1)
            for i in range(genes.size):
                gene = np.uint64(genes[i])
                in_order &= bool(np.int64(gene) > previous)
                previous = np.int64(gene)
                count = _as_count(values[i])
                slot = offsets[gene] + np.uint64(count)
                if slot < offsets[gene + np.uint64(1)]:
                    counts[slot] += np.uint32(1)
                elif count == _LIMIT:
                    return NOT_A_COUNT, in_order
                else:
                    n_overflow = _store(overflow, n_overflow, gene, count, label)
    return n_overflow, in_order


@numba.njit(nogil=True, cache=True)
def count_columns(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    codes: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
) -> tuple[int, bool]:
    """Count a CSC matrix; cells with a code below 0 are left out.

    Also returns whether the cells of every gene went up, so that there can be no duplicates.
    """
    n_overflow = 0
    in_order = True
    for gene in range(indptr.size - 1):
        cells = indices[indptr[gene] : indptr[gene + 1]]
        values = data[indptr[gene] : indptr[gene + 1]]
        start, stop = np.uint64(offsets[gene]), np.uint64(offsets[gene + 1])
        previous = np.int64(-1)
        for i in range(cells.size):
            cell = np.uint64(cells[i])
            in_order &= bool(np.int64(cell) > previous)
            previous = np.int64(cell)
            label = codes[cell]
            if label < 0:
                continue
            count = _as_count(values[i])
            slot = start + np.uint64(count)
            if slot < stop:
                table[np.uint64(label), slot] += np.uint32(1)
            elif count == _LIMIT:
                return NOT_A_COUNT, in_order
            else:
                n_overflow = _store(overflow, n_overflow, np.uint64(gene), count, label)
    return n_overflow, in_order


@numba.njit(nogil=True, cache=True)
def count_dense(
    block: np.ndarray,
    codes: np.ndarray,
    order: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_overflow: int,
) -> int:
    """Count some rows of a dense matrix in the given order, after `n_overflow` earlier keys."""
    for row in order:
        label = codes[row]
        if label < 0:
            continue
        counts = table[label]
        values = block[row]
        for i in range(values.size):
            if values[i] != 0:
                gene = np.uint64(i)
                count = _as_count(values[i])
                slot = offsets[gene] + np.uint64(count)
                if slot < offsets[gene + np.uint64(1)]:
                    counts[slot] += np.uint32(1)
                elif count == _LIMIT:
                    return NOT_A_COUNT
                else:
                    n_overflow = _store(overflow, n_overflow, gene, count, label)
    return n_overflow
