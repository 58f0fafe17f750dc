"""Plan from a sample of cells how many bins of each gene get a slot of their own in the table.

The plan decides over time and memory, never over the result: bins beyond the slots go to the
overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass.kernels._array_kinds import Compressed, as_native
from cellclass.kernels._bad_counts import COUNT_LIMIT
from cellclass.kernels._bins import EXACT, FINE, OCTAVES, BinRule, fine_bin, octave_bin

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLED_CELLS = 128


def plan_slots(
    matrix: np.ndarray | Compressed,
    cells: np.ndarray,
    n_labels: int,
    rule: BinRule,
    factors: np.ndarray,
    n_cells: int,
) -> np.ndarray:
    """Give each gene slots for the bins from 0 to well above the largest of the sample.

    A slot costs 4 bytes for each label, an entry of the overflow 8 bytes and some time. So a gene
    gets no more slots than it has entries per label, apart from those for 0 and 1, and the table
    takes at most 4 bytes for each entry of the matrix.

    Parameters
    ----------
    matrix
        Values `(n_obs, n_vars)`, as `as_array_kind` returns them.
    cells
        Positions of the cells that are used; evenly spread ones of them are looked at.
    n_labels
        Number of labels.
    rule
        How values become bins.
    factors
        Factor of each cell `(n_obs,)`, or nothing.
    n_cells
        How many cells will be counted; more than `cells` when the matrix is a part.

    Returns
    -------
    uint32 `(n_vars + 1,)`: where the slots of each gene begin and end.
    """
    n_vars = matrix.shape[1]
    if rule.kind > FINE:  # the number of bins is known
        n_slots = np.full(n_vars, rule.n + 1)
    else:
        maxima, n_entries = _sample(matrix, cells, factors)
        bins = _bins_of(maxima + maxima / 2 if rule.kind == EXACT else maxima * 2, rule)
        per_label = n_entries * (n_cells / max(1, cells.size)) // n_labels
        n_slots = np.minimum(bins + 2, np.maximum(per_label, 2)).astype(np.int64)
    n_slots = np.minimum(n_slots, np.iinfo(np.uint32).max // max(1, n_vars))
    return np.concatenate([[0], np.cumsum(n_slots)]).astype(np.uint32)


def _bins_of(values: NDArray[np.float64], rule: BinRule) -> NDArray[np.int64]:
    if rule.kind == EXACT:
        return values.astype(np.int64)
    if rule.kind == OCTAVES:
        return np.array([octave_bin(int(value), rule.n) for value in values], dtype=np.int64)
    return np.array([fine_bin(value) if value > 0 else 0 for value in values], dtype=np.int64)


def _sample(
    matrix: np.ndarray | Compressed, cells: np.ndarray, factors: np.ndarray
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Estimate each gene's largest value and its number of entries, both `(n_vars,)`."""
    n_vars = matrix.shape[1]
    step = max(1, cells.size // SAMPLED_CELLS)
    largest = factors[cells].max(initial=0.0) if factors.size else 1.0
    some = cells[::step]
    if isinstance(matrix, np.ndarray):
        block = as_native(matrix[some])
        n_sampled = np.count_nonzero(block, axis=0)
        if factors.size:
            block = block * factors[some, None]
        maxima = block.max(axis=0, initial=0).astype(np.float64)
    elif matrix.by_gene:
        values = matrix.data[::step]
        bounds = -(-matrix.indptr // step)
        n_sampled = np.diff(bounds)
        maxima = np.maximum.reduceat(np.append(values, values.dtype.type(0)), bounds[:-1])
        maxima[n_sampled == 0] = 0
        maxima = maxima * largest
    else:
        rows = [slice(matrix.indptr[cell], matrix.indptr[cell + 1]) for cell in some]
        genes = np.concatenate([matrix.indices[:0], *(matrix.indices[row] for row in rows)])
        values = np.concatenate([matrix.data[:0], *(matrix.data[row] for row in rows)])
        n_sampled = np.bincount(genes, minlength=n_vars)
        if factors.size:
            values = values * np.repeat(
                factors[some], np.array([row.stop - row.start for row in rows], dtype=np.int64)
            )
        maxima = np.zeros(n_vars, dtype=values.dtype)
        with np.errstate(invalid="ignore"):  # NaN is reported later
            np.maximum.at(maxima, genes, values)
    maxima = np.clip(np.nan_to_num(maxima.astype(np.float64)), 0, COUNT_LIMIT)
    return maxima, n_sampled * step
