"""How many cells of each label have each value of each gene, in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numba
import numpy as np

from cellclass.kernels._count_entries import GENE_SHIFT, LABEL_BITS, LABEL_MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

BIN_MASK = (1 << GENE_SHIFT - LABEL_BITS) - 1


@dataclass(frozen=True)
class CountTables:
    """How many cells of each label have each value (or bin of values) of each gene.

    The sum over table and overflow of a gene and label is `n_cells` of the label: implicit zeros
    are counted too.
    """

    table: NDArray[np.uint32]
    """uint32 `(n_labels, n_slots)`: cells with bin b of gene g at ``offsets[g] + b``. Bin 0 holds
    the zeros, stored or not."""
    offsets: NDArray[np.uint32]
    """uint32 `(n_vars + 1,)`: where the slots of each gene begin and end; each has one at
    least."""
    overflow: NDArray[np.int64]
    """int64 `(n_overflow,)`: one sorted key ``gene << 38 | bin << 14 | label`` per entry whose
    bin lies beyond the slots of its gene."""
    n_cells: NDArray[np.int64]
    """int64 `(n_labels,)`: cells of each label."""

    def __sizeof__(self) -> int:
        """Return the bytes of the arrays: Dask weighs by it whether to send tables elsewhere."""
        arrays = (self.table, self.offsets, self.overflow, self.n_cells)
        return object.__sizeof__(self) + sum(array.nbytes for array in arrays)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return self.table.shape[0]

    @property
    def n_vars(self) -> int:
        """Number of genes."""
        return self.offsets.size - 1

    @cached_property
    def overflow_starts(self) -> NDArray[np.int64]:
        """int64 `(n_vars + 1,)`: where the keys of each gene begin and end in `overflow`."""
        genes = np.arange(self.n_vars + 1, dtype=np.int64)
        return np.searchsorted(self.overflow, genes << GENE_SHIFT)

    @cached_property
    def max_bins(self) -> int:
        """The most bins that a gene can have: the rows that `fill_gene` may need."""
        slots = np.diff(self.offsets.astype(np.int64)) + np.diff(self.overflow_starts)
        return int(slots.max(initial=1))

    def of_gene(self, gene: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the bins of a gene, going up, and the cells that have them.

        Returns
        -------
        bins
            int64 `(n_bins,)`; bin 0 always, the others only where a cell has them.
        counts
            int64 `(n_bins, n_labels)`.
        """
        bins = np.empty(self.max_bins, dtype=np.int64)
        counts = np.empty((self.max_bins, self.n_labels), dtype=np.int64)
        n = fill_gene(
            self.table, self.offsets, self.overflow, self.overflow_starts, gene, bins, counts
        )
        kept = (bins[:n] == 0) | counts[:n].any(axis=1)
        return bins[:n][kept], counts[:n][kept]

    @staticmethod
    def merged(parts: Iterable[CountTables]) -> CountTables:
        """Add up the tables of parts of the cells, with the same labels, genes and bins."""
        parts = list(parts)
        widths = np.max([np.diff(part.offsets.astype(np.int64)) for part in parts], axis=0)
        offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.uint32)
        same = np.array_equal(offsets, parts[0].offsets)
        table = (
            parts[0].table.copy()
            if same
            else np.zeros((parts[0].n_labels, int(offsets[-1])), dtype=np.uint32)
        )
        for part in parts[1:] if same else parts:
            if np.array_equal(offsets, part.offsets):
                table += part.table
            else:
                _add_table(part.table, part.offsets, table, offsets)
        overflow = np.concatenate([part.overflow for part in parts])
        overflow = overflow[: _file_keys(overflow, table, offsets)]
        overflow.sort()
        n_cells = np.sum([part.n_cells for part in parts], axis=0)
        return CountTables(table, offsets, overflow, n_cells)

    @staticmethod
    def side_by_side(parts: Iterable[CountTables]) -> CountTables:
        """Join the tables of blocks of genes of the same cells, in the order of the genes."""
        parts = list(parts)
        n_slots = np.cumsum([0, *(part.table.shape[1] for part in parts)])
        n_vars = np.cumsum([0, *(part.n_vars for part in parts)])
        pairs = list(zip(parts, n_slots.tolist(), n_vars.tolist(), strict=False))
        offsets = [part.offsets[:-1].astype(np.int64) + start for part, start, _ in pairs]
        return CountTables(
            np.concatenate([part.table for part in parts], axis=1),
            np.concatenate([*offsets, n_slots[-1:]]).astype(np.uint32),
            np.concatenate([part.overflow + (gene << GENE_SHIFT) for part, _, gene in pairs]),
            parts[0].n_cells,
        )


@numba.njit(nogil=True, cache=True)
def fill_gene(
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    overflow_starts: np.ndarray,
    gene: int,
    bins: np.ndarray,
    counts: np.ndarray,
) -> int | np.integer:
    """Write the bins of a gene, going up, and the cells of each label that have them.

    For compiled loops over genes: `bins` int64 `(max_bins,)` and `counts` int64 `(max_bins,
    n_labels)` are filled again for each. Bins that no cell has may be among them.

    Returns
    -------
    How many bins were written.
    """
    n_labels = table.shape[0]
    start, n = np.int64(offsets[gene]), np.int64(offsets[gene + 1]) - np.int64(offsets[gene])
    for i in range(n):
        bins[i] = i
    for label in range(n_labels):
        for i in range(n):
            counts[i, label] = table[label, start + i]
    for i in range(overflow_starts[gene], overflow_starts[gene + 1]):
        one = overflow[i] >> LABEL_BITS & BIN_MASK
        if bins[n - 1] != one:
            bins[n] = one
            counts[n, :] = 0
            n += 1
        counts[n - 1, overflow[i] & LABEL_MASK] += 1
    return n


@numba.njit(nogil=True, cache=True)
def fill_zeros(
    table: np.ndarray, offsets: np.ndarray, overflow: np.ndarray, n_cells: np.ndarray
) -> None:
    """Write into the slots of bin 0 what is left of the cells; `overflow` is sorted."""
    n_labels = table.shape[0]
    others = np.empty(n_labels, dtype=np.int64)
    key = 0
    for gene in range(offsets.size - 1):
        others[:] = 0
        while key < overflow.size and overflow[key] >> GENE_SHIFT == gene:
            others[overflow[key] & LABEL_MASK] += 1
            key += 1
        start, stop = np.uint64(offsets[gene]), np.uint64(offsets[gene + 1])
        for label in range(n_labels):
            n = others[label]
            for slot in range(start + np.uint64(1), stop):
                n += np.int64(table[label, slot])
            table[label, start] = n_cells[label] - n


@numba.njit(nogil=True, cache=True)
def _file_keys(overflow: np.ndarray, table: np.ndarray, offsets: np.ndarray) -> int | np.integer:
    """Count the keys that have a slot, and move the others to the front; return their number."""
    n = 0
    for key in overflow:
        gene = key >> GENE_SHIFT
        slot = np.int64(offsets[gene]) + (key >> LABEL_BITS & BIN_MASK)
        if slot < np.int64(offsets[gene + 1]):
            table[key & LABEL_MASK, slot] += 1
        else:
            overflow[n] = key
            n += 1
    return n


@numba.njit(nogil=True, cache=True)
def _add_table(
    table: np.ndarray, offsets: np.ndarray, total: np.ndarray, total_offsets: np.ndarray
) -> None:
    for label in range(table.shape[0]):
        for gene in range(offsets.size - 1):
            start, first = np.int64(offsets[gene]), np.int64(total_offsets[gene])
            for i in range(np.int64(offsets[gene + 1]) - start):
                total[label, first + i] += table[label, start + i]
