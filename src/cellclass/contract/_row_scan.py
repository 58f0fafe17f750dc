"""Statistics of each row of a matrix: in this process, or in one task of Dask for each chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cellclass._checks import is_dask
from cellclass._dask import compute
from cellclass.contract._ahead import ahead
from cellclass.contract._evidence import SETTLES
from cellclass.contract._rows import is_in_memory, prepare_rows, row_chunks, stored_values
from cellclass.kernels import LINEAR, ROW_STATISTICS, row_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NotFiniteError(ValueError):
    """Rows hold NaN or infinite values; made of plain numbers, for it travels between processes.

    Parameters
    ----------
    value, cell, gene
        The first such value, and its position in the matrix.
    n_more
        How many more are in the rows that were looked at together.
    """

    def __init__(self, value: float, cell: int, gene: int, n_more: int) -> None:
        super().__init__(value, cell, gene, n_more)
        self.value, self.cell, self.gene, self.n_more = value, cell, gene, n_more


def scan_rows(X: Any, precision: float) -> NDArray[np.void]:  # noqa: ANN401 - any array kind
    """Describe each row of a matrix.

    Parameters
    ----------
    X
        Matrix `(n_obs, n_vars)` as `prepare_rows` returns it, or a Dask array. Each of its chunks
        of rows is one task of the scheduler that is set, which sends back the statistics alone.
    precision
        Relative error that the values may have.

    Returns
    -------
    Array of `ROW_STATISTICS`, `(n_obs,)`.

    Raises
    ------
    NotFiniteError
        A value is NaN or infinite.
    """
    if is_dask(X):
        return _scan_dask(X, precision)
    return _scan(X, precision, trust_counts=True)


def _scan(X: Any, precision: float, *, trust_counts: bool) -> NDArray[np.void]:  # noqa: ANN401
    """Describe rows; with `trust_counts` only look at them once counts are what was found.

    Begins anew, and without, where rows come up after that which are none.
    """
    rows = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    chunks = row_chunks(X)
    are_counts = False
    for part, chunk in chunks if is_in_memory(X) else ahead(chunks):
        row_statistics(*stored_values(chunk), precision, rows[part], are_counts)
        if rows["n_not_finite"][part].any():
            raise _not_finite(chunk, part.start)
        if not (rows["integral"][part].all() and (rows["minimum"][part] >= 0).all()):
            if are_counts:
                return _scan(X, precision, trust_counts=False)
            trust_counts = False
        # A row that rules every transformation out leaves nothing to be found in further counts.
        settled = (rows["bits"][part, LINEAR] >= SETTLES).any()
        are_counts = are_counts or bool(trust_counts and settled)
    return rows


def _scan_dask(X: Any, precision: float) -> NDArray[np.void]:  # noqa: ANN401
    import dask

    if X.numblocks[1] > 1:  # a row is described as a whole
        X = X.rechunk({1: -1})
    starts = np.cumsum([0, *X.chunks[0][:-1]]).tolist()
    scan = dask.delayed(_scan_block)
    blocks = X.to_delayed().ravel().tolist()
    tasks = [scan(block, start, precision) for block, start in zip(blocks, starts, strict=True)]
    return np.concatenate([np.zeros(0, dtype=ROW_STATISTICS), *compute(*tasks)])


def _scan_block(block: Any, first_cell: int, precision: float) -> NDArray[np.void]:  # noqa: ANN401
    try:
        # What is ruled out in a chunk may be what the others are.
        return _scan(prepare_rows(block), precision, trust_counts=False)
    except NotFiniteError as error:
        cell = first_cell + error.cell
        raise NotFiniteError(error.value, cell, error.gene, error.n_more) from None


def _not_finite(chunk: sp.csr_matrix | np.ndarray, start: int) -> NotFiniteError:
    entries = sp.coo_matrix(chunk)
    cells, genes, values = entries.row, entries.col, entries.data
    bad = np.flatnonzero(~np.isfinite(values))
    first = bad[0]
    return NotFiniteError(
        float(values[first]), start + int(cells[first]), int(genes[first]), bad.size - 1
    )
