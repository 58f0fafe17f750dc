"""Distributions of the counts of a few genes, coarse enough to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass.kernels._count_entries import GENE_SHIFT, LABEL_BITS, LABEL_MASK
from cellclass.kernels._tables import BIN_MASK

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cellclass.kernels._count_tables import CountTables

_FIRST_OCTAVE = 4  # counts below stay apart


def coarse_counts(
    tables: CountTables, genes: ArrayLike, *, bin_values: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the cells of each label in coarse ranges of the counts of some genes.

    Parameters
    ----------
    tables
        What `count_tables` returned.
    genes
        Positions of the genes, `(n_genes,)`.
    bin_values
        The lowest count of each bin, `(n_bins,)`, where the tables hold bins.

    Returns
    -------
    lowest
        int64 `(n_ranges,)`: the lowest count of each range: 0, 1, 2, 3, 4 (to 7), 8 (to 15), …
    cells
        int64 `(n_genes, n_labels, n_ranges)`.
    """
    genes = np.asarray(genes, dtype=np.int64)
    n_ranges = _FIRST_OCTAVE - 2 + GENE_SHIFT - LABEL_BITS
    lowest = np.r_[0:_FIRST_OCTAVE, 2 ** np.arange(2, n_ranges - _FIRST_OCTAVE + 2)]
    cells = np.zeros((genes.size, tables.n_cells.size, lowest.size), dtype=np.int64)
    offsets = tables.offsets.astype(np.int64)

    def range_of(bins: NDArray[np.int64]) -> NDArray[np.int64]:
        values = bins if bin_values is None else np.asarray(bin_values)[bins]
        return np.searchsorted(lowest, values, side="right") - 1

    for place, gene in enumerate(genes):
        stored = tables.table[:, offsets[gene] + 1 : offsets[gene + 1]]
        ranges = range_of(np.arange(1, stored.shape[1] + 1))
        for label in range(tables.n_cells.size):
            cells[place, label] += np.bincount(
                ranges, weights=stored[label], minlength=lowest.size
            ).astype(np.int64)
        first, last = np.searchsorted(
            tables.overflow, [gene << GENE_SHIFT, (gene + 1) << GENE_SHIFT]
        )
        keys = tables.overflow[first:last]
        ranges = range_of(keys >> LABEL_BITS & BIN_MASK)
        np.add.at(cells[place], (keys & LABEL_MASK, ranges), 1)
    cells[:, :, 0] = tables.n_cells - cells.sum(axis=2)
    n_used = 1 + int(np.flatnonzero(cells.any(axis=(0, 1))).max(initial=0))
    return lowest[:n_used], cells[:, :, :n_used]
