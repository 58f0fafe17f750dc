"""How much of a cell's expression the training cells do not explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellclass.kernels import row_sums

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
    def fit(cls, rest: np.ndarray, x: np.ndarray, codes: np.ndarray) -> Residual:
        """Learn from training cells: what is left `(n_cells,)`, model input and label codes."""
        depth = np.linalg.lstsq(_depth(x), rest, rcond=None)[0]
        above = rest - _depth(x) @ depth
        level = np.bincount(codes, weights=above) / (np.bincount(codes) + _PRIOR_CELLS)
        return cls(depth, level)

    def score(self, rest: np.ndarray, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Score cells by what is left of them, model input and nearest label, `(n_obs,)`."""
        return rest - _depth(x) @ self.depth - self.level[codes]


def _depth(x: np.ndarray) -> np.ndarray:
    """Terms of depth, `(n_obs, 5)`."""
    sums = row_sums(x, np.zeros(x.shape[1], dtype=np.float32))
    n_genes, total, squares = np.log1p(sums[:, :3].clip(0)).T
    return np.stack([np.ones(len(x)), n_genes, n_genes**2, total, squares], axis=1)
