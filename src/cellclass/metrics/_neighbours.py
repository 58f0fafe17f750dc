"""How far a cell lies from its nearest training cells, beside how far those lie from theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from cellclass.kernels import nearest
from cellclass.metrics._whitening import whitening

_N_NEIGHBOURS = 10
# Directions are at most 2 apart; this keeps the logarithm of a copy's distance finite.
_LEAST = 1e-4


@dataclass(frozen=True)
class NeighbourDistance:
    """Log ratio of a cell's distance to its neighbours and of theirs to their own neighbours.

    Coordinates are whitened by the spread within labels and each cell is taken as a direction. With
    the mean distance d to the 10 nearest training cells, the score is `log d(cell) − mean log
    d(neighbour)`: the local outlier factor (Breunig et al. 2000) without its smoothing. So a cell
    of a label that varies much is not novel for that.

    Attributes
    ----------
    whitener
        Matrix `(D, D)` under which the spread within labels becomes the identity.
    cells
        Directions of training cells, float32 `(n_cells, D)`.
    spread
        Logarithm of their distance to their own neighbours, `(n_cells,)`.
    """

    whitener: np.ndarray
    cells: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(cls, places: np.ndarray, codes: np.ndarray) -> NeighbourDistance:
        """Learn from training cells `(n_cells, D)` and their codes."""
        whitener = whitening(places, codes)
        cells = _directions(places, whitener)[np.argsort(codes, kind="stable")]
        if len(cells) < 2:
            return cls(whitener, cells, np.zeros(len(cells)))
        search = NearestNeighbors(n_neighbors=min(_N_NEIGHBOURS, len(cells) - 1), algorithm="brute")
        distance, _ = search.fit(cells).kneighbors()  # a cell is not its own neighbour
        return cls(whitener, cells, np.log(distance.mean(axis=1) + _LEAST))

    def score(self, places: np.ndarray) -> np.ndarray:
        """Score cells by their coordinates `(n_obs, D)`, float64 `(n_obs,)`."""
        n = min(_N_NEIGHBOURS, len(self.cells))
        distance, neighbours = nearest(self.cells, _directions(places, self.whitener), n)
        return np.log(distance.mean(axis=1) + _LEAST) - self.spread[neighbours].mean(axis=1)


def _directions(places: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    whitened = places @ whitener
    length = np.linalg.norm(whitened, axis=1, keepdims=True)
    return (whitened / np.maximum(length, np.finfo(np.float32).eps)).astype(np.float32)
