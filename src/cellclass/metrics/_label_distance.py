"""How far a cell lies from the nearest label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellclass.metrics._whitening import label_means, whitening


@dataclass(frozen=True)
class LabelDistance:
    """Mahalanobis distance to the nearest label in a latent space.

    One covariance, shrunken, is shared by all labels (Lee et al. 2018).

    Attributes
    ----------
    means
        Mean of each label, `(n_labels, D)`.
    whitener
        Matrix `(D, D)` under which the shared covariance becomes the identity.
    """

    means: np.ndarray
    whitener: np.ndarray

    @classmethod
    def fit(cls, latent: np.ndarray, codes: np.ndarray) -> LabelDistance:
        """Learn from latent training cells `(n_cells, D)` and their codes."""
        latent = np.asarray(latent, dtype=np.float64)
        return cls(label_means(latent, codes), whitening(latent, codes))

    def nearest(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distance to the nearest label, `(n_obs,)`, and its code, `(n_obs,)`."""
        latent = np.asarray(latent, dtype=np.float64) @ self.whitener
        means = self.means @ self.whitener
        # |a − b|² = |a|² − 2ab + |b|², of which the first is the same for all labels.
        code = ((means**2).sum(axis=1) / 2 - latent @ means.T).argmin(axis=1)
        return np.sqrt(((latent - means[code]) ** 2).sum(axis=1)), code
