"""The labelled cells as model input: dense, sparse, or left where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from cellclass.contract import BoundInput

#: Memory (bytes) that model input may take that is read once and kept. It may also take what the
#: matrix of the AnnData takes, where that is in memory.
MOST_KEPT = 1 << 30
# Cells whose input says how sparse that of all cells is.
_SAMPLE = 2048


class Cells(Protocol):
    """Model input of cells."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return cells at any positions, float32 `(n_rows, n_genes)`."""


@dataclass(frozen=True)
class DenseCells:
    """Model input as one array, float32 `(n_obs, n_genes)`."""

    X: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return self.X.shape

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return cells at any positions, float32 `(n_rows, n_genes)`."""
        return self.X[rows]


@dataclass(frozen=True)
class SparseCells:
    """Model input without its zeros, float32 CSR `(n_obs, n_genes)`."""

    X: sp.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return self.X.shape

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return cells at any positions, float32 `(n_rows, n_genes)`."""
        return self.X[rows].toarray()


@dataclass(frozen=True)
class StreamedCells:
    """Model input that is read from the AnnData whenever it is asked for.

    Attributes
    ----------
    bound
        The AnnData.
    cells
        Positions in it, increasing, `(n_obs,)`.
    """

    bound: BoundInput
    cells: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.cells), len(self.bound.fill)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return cells at any positions, float32 `(n_rows, n_genes)`."""
        order = np.argsort(rows, kind="stable")
        out = np.empty((len(rows), self.shape[1]), dtype=np.float32)
        out[order] = self.bound.read(self.cells[rows[order]])
        return out


def keep_cells(bound: BoundInput, cells: np.ndarray) -> Cells:
    """Read cells and keep them: dense where that fits, else sparse; else leave them where they are.

    Parameters
    ----------
    bound
        An AnnData that has passed the contract.
    cells
        Positions of the cells, increasing.
    """
    most = max(MOST_KEPT, bound.n_bytes)
    shape = len(cells), len(bound.fill)
    if 4 * shape[0] * shape[1] <= most:
        X = np.empty(shape, dtype=np.float32)
        for found in bound.cells(cells):
            X[found.places] = found.x
        return DenseCells(X)
    some = np.unique(np.linspace(0, shape[0] - 1, _SAMPLE).astype(np.int64))
    expected = int(1.1 * np.count_nonzero(bound.read(cells[some])) / len(some) * shape[0])
    index = np.dtype(np.int32 if expected < np.iinfo(np.int32).max else np.int64)
    if expected * (4 + index.itemsize) > most:
        return StreamedCells(bound, cells)
    # Room that stays empty takes no memory; a copy at the end would take twice as much.
    data, indices = np.empty(expected, np.float32), np.empty(expected, index)
    indptr = np.zeros(shape[0] + 1, dtype=np.int64)
    n = 0
    for found in bound.cells(cells):
        part = sp.csr_matrix(found.x)
        if n + part.nnz > len(data):
            return StreamedCells(bound, cells)
        data[n : n + part.nnz], indices[n : n + part.nnz] = part.data, part.indices
        indptr[found.places.start + 1 : found.places.stop + 1] = n + part.indptr[1:]
        n += part.nnz
    kept = data[:n], indices[:n], indptr.astype(index)
    return SparseCells(sp.csr_matrix(kept, shape=shape, copy=False))
