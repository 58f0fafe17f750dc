"""Read one gene out of count tables: the cells of each label by value, in order of the values.

What is computed from these is the same bits wherever the tables store a value, and for any number
of threads: a gene is the work of one thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy.special import xlogy

from cellclass.kernels._count_entries import GENE_SHIFT, LABEL_BITS, LABEL_MASK
from cellclass.kernels._tables import BIN_MASK
from cellclass.kernels._threads import even_parts, run, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from cellclass.kernels._count_tables import CountTables


def for_all_genes(
    kernel: Callable[..., None], tables: CountTables, *arguments: object, n_threads: int | None = 1
) -> None:
    """Call a kernel on all genes, shared out evenly among threads.

    Parameters
    ----------
    kernel
        Compiled without the interpreter lock; called as ``kernel(table, offsets, overflow,
        n_cells, first_gene, last_gene, key, max_bins, *arguments)``, `key` being the position of
        the first gene's first key in `overflow`.
    tables
        The tables to read.
    arguments
        What else the kernel takes; it writes into arrays among them at its own genes only.
    n_threads
        Number of threads; None for as many as are of use, at most 8.
    """
    stored = (tables.table, tables.offsets, tables.overflow, tables.n_cells)
    starts, max_bins = tables.overflow_starts, tables.max_bins
    n_parts = threads_for(tables.table.size, n_threads)
    parts = even_parts(np.full(tables.n_vars, tables.n_labels), n_parts)
    if len(parts) > 1:
        kernel(*stored, 0, 0, 0, max_bins, *arguments)  # compiles here, not in several threads

    def on(genes: tuple[int, int]) -> None:
        kernel(*stored, *genes, int(starts[genes[0]]), max_bins, *arguments)

    run(on, parts)


def xlogx_table(n: int) -> np.ndarray:
    """Return x ln x for the whole numbers from 0 to n, float64 `(n + 1,)`."""
    numbers = np.arange(n + 1, dtype=np.float64)
    return xlogy(numbers, numbers)


def split_tables(tables: CountTables, n_parts: int) -> list[CountTables]:
    """Take apart the tables of codes ``part * n_labels + label``.

    Parameters
    ----------
    tables
        Tables with `n_parts` × `n_labels` labels.
    n_parts
        Number of parts, such as batches.

    Returns
    -------
    Tables with `n_labels` labels for each part; they share the counts with `tables`.
    """
    n_labels = tables.n_cells.size // n_parts
    codes = tables.overflow & LABEL_MASK
    parts = []
    for part in range(n_parts):
        first = part * n_labels
        inside = slice(first, first + n_labels)
        mine = (codes >= first) & (codes < first + n_labels)
        parts.append(
            replace(
                tables,
                table=tables.table[inside],
                overflow=tables.overflow[mine] - first,
                n_cells=tables.n_cells[inside],
            )
        )
    return parts


@numba.njit(nogil=True, cache=True)
def read_gene(
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_cells: np.ndarray,
    gene: int,
    key: int,
    values: np.ndarray,
    cells: np.ndarray,
) -> tuple[int, int]:
    """Fill `values` and `cells` with the values of a gene and the cells of each label there.

    Parameters
    ----------
    table, offsets, overflow, n_cells
        The parts of `CountTables`.
    gene, key
        The gene, and the position of its first key in `overflow`.
    values
        int64 `(max_bins,)`: receives the values that some cell has, in ascending order.
    cells
        int64 `(max_bins, n_labels)`: receives the cells of each label with that value.

    Returns
    -------
    The number of values, and the position of the next gene's first key.
    """
    n_labels = table.shape[0]
    start, stop = np.int64(offsets[gene]), np.int64(offsets[gene + 1])
    n_stored = np.zeros(n_labels, dtype=np.int64)
    n_values = 1  # that of 0 comes last, when the others are known
    for slot in range(start + 1, stop):
        total = np.int64(0)
        for label in range(n_labels):
            n = np.int64(table[label, slot])
            cells[n_values, label] = n
            n_stored[label] += n
            total += n
        if total > 0:
            values[n_values] = slot - start
            n_values += 1
    while key < overflow.size and overflow[key] >> GENE_SHIFT == gene:
        value = overflow[key] >> LABEL_BITS
        for label in range(n_labels):
            cells[n_values, label] = 0
        while key < overflow.size and overflow[key] >> LABEL_BITS == value:
            label = overflow[key] & LABEL_MASK
            cells[n_values, label] += 1
            n_stored[label] += 1
            key += 1
        values[n_values] = value & BIN_MASK
        n_values += 1
    total = np.int64(0)
    for label in range(n_labels):
        cells[0, label] = n_cells[label] - n_stored[label]
        total += cells[0, label]
    values[0] = 0
    if total == 0:  # no cell without this gene
        n_values -= 1
        for i in range(n_values):
            values[i] = values[i + 1]
            for label in range(n_labels):
                cells[i, label] = cells[i + 1, label]
    return n_values, key
