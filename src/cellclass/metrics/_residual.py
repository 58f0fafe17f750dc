"""How much of a cell's expression the training cells do not explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A label's own level counts as much as the overall one once it has this many cells.
_PRIOR_CELLS = 10


@dataclass(frozen=True)
class Residual:
    """What is left of a cell beside the principal components, given its depth and label.

    The logarithm of the length of what is left depends on how deeply a cell was sequenced. What
    training cells with as many expressed genes, the same sum and the same sum of squares have is
    subtracted (least squares), then what the cell's label has on average.

    Attributes
    ----------
    depth
        Coefficients of the terms of depth, `(5,)`.
    level
        Mean of each label, `(n_labels,)`.
    """

    depth: np.ndarray
    level: np.ndarray

    @classmethod
    def fit(cls, rest: np.ndarray, sums: np.ndarray, codes: np.ndarray) -> Residual:
        """Learn from training cells: what is left `(n_cells,)`, their depth and label codes.

        Depth is how many values are above 0, their sum and their sum of squares, `(n_cells, 3)`.
        """
        depth = np.linalg.lstsq(_terms(sums), rest, rcond=None)[0]
        above = rest - _terms(sums) @ depth
        level = np.bincount(codes, weights=above) / (np.bincount(codes) + _PRIOR_CELLS)
        return cls(depth, level)

    def score(self, rest: np.ndarray, sums: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Score cells by what is left of them, their depth and nearest label, `(n_obs,)`."""
        return rest - _terms(sums) @ self.depth - self.level[codes]


def _terms(sums: np.ndarray) -> np.ndarray:
    """Terms of depth, `(n_obs, 5)`."""
    n_genes, total, squares = np.log1p(sums.clip(0)).T
    return np.stack([np.ones(len(sums)), n_genes, n_genes**2, total, squares], axis=1)
