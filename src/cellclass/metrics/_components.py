"""The main directions in which training cells differ, and what a cell has beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from cellclass.kernels import row_sums

_N_COMPONENTS = 20
_LEAST = 1e-6


@dataclass(frozen=True)
class Components:
    """Principal components of model input.

    Attributes
    ----------
    mean
        Mean of the training cells, float32 `(n_genes,)`.
    axes
        Orthonormal components, float32 `(n_genes, D)`; D is 20 where there are enough cells.
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray) -> Components:
        """Learn from the model input of training cells, float32 `(n_cells, n_genes)`."""
        n_cells, n_genes = x.shape
        mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        n_components = max(1, min(_N_COMPONENTS, n_genes // 2, n_cells // 3))
        _, _, rows = randomized_svd(x - mean, n_components, random_state=0)
        return cls(mean, np.ascontiguousarray(rows.T, dtype=np.float32))

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Split cells into what the components hold and what is left.

        Returns
        -------
        places
            Coordinates on the components, float64 `(n_obs, D)`.
        rest
            Logarithm of the length of what is left, float64 `(n_obs,)`.
        depth
            How many values are above 0, their sum and their sum of squares, float64 `(n_obs, 3)`.
        """
        places = (x @ self.axes).astype(np.float64) - self.mean.astype(np.float64) @ self.axes
        sums = row_sums(x, self.mean)
        left = np.maximum(sums[:, 3] - (places**2).sum(axis=1), _LEAST)
        return places, 0.5 * np.log(left), sums[:, :3]
