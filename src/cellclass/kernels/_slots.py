"""Plan from a sample of cells how many values of each gene get a slot of their own in the table.

The plan decides over time and memory, never over the result: values beyond the slots go to the
overflow.
"""

from __future__ import annotations

import numpy as np

from cellclass.kernels._array_kinds import Compressed, as_native
from cellclass.kernels._bad_counts import COUNT_LIMIT

SAMPLED_CELLS = 256


def plan_slots(matrix: np.ndarray | Compressed, cells: np.ndarray, n_labels: int) -> np.ndarray:
    """Give each gene slots for the values from 0 to well above the largest of the sample.

    A slot costs 4 bytes for each label, an entry of the overflow 8 bytes and some time. So a gene
    gets no more slots than it has entries per label, apart from those for 0 and 1, and the table
    takes at most 4 bytes for each entry of the matrix.

    Parameters
    ----------
    matrix
        Counts `(n_obs, n_vars)`, as `as_array_kind` returns them.
    cells
        Positions of the cells that are used; evenly spread ones of them are looked at.
    n_labels
        Number of labels.

    Returns
    -------
    uint32 `(n_vars + 1,)`: where the slots of each gene begin and end.
    """
    maxima, n_entries = _sample(matrix, cells)
    n_slots = np.minimum(maxima + maxima // 2 + 2, np.maximum(n_entries // n_labels, 2))
    n_slots = np.minimum(n_slots, np.iinfo(np.uint32).max // max(1, n_slots.size))
    return np.concatenate([[0], np.cumsum(n_slots)]).astype(np.uint32)


def _sample(matrix: np.ndarray | Compressed, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimate each gene's largest value and its number of entries, both int64 `(n_vars,)`."""
    n_vars = matrix.shape[1]
    step = max(1, cells.size // SAMPLED_CELLS)
    if isinstance(matrix, np.ndarray):
        block = as_native(matrix[cells[::step]])
        maxima, n_sampled = block.max(axis=0), np.count_nonzero(block, axis=0)
    elif matrix.by_gene:
        values = matrix.data[::step]
        bounds = -(-matrix.indptr // step)
        n_sampled = np.diff(bounds)
        maxima = np.maximum.reduceat(np.append(values, values.dtype.type(0)), bounds[:-1])
        maxima[n_sampled == 0] = 0
    else:
        rows = [slice(matrix.indptr[cell], matrix.indptr[cell + 1]) for cell in cells[::step]]
        genes = np.concatenate([matrix.indices[row] for row in rows])
        values = np.concatenate([matrix.data[row] for row in rows])
        n_sampled = np.bincount(genes, minlength=n_vars)
        maxima = np.zeros(n_vars, dtype=values.dtype)
        with np.errstate(invalid="ignore"):  # NaN is reported later
            np.maximum.at(maxima, genes, values)
    maxima = np.clip(np.nan_to_num(maxima.astype(np.float64)), 0, COUNT_LIMIT)
    return maxima.astype(np.int64), n_sampled * step
