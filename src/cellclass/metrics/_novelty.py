"""How unlike the training cells a cell is, as a p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Relative differences of scores that come from rounding in float32.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class NoveltyScorer:
    """Distance to the nearest label in a latent space, made a conformal p-value.

    The score is the smallest Mahalanobis distance to a label's mean under one shared, shrunken
    covariance (Lee et al. 2018); the p-value is its rank among cells that were not trained on
    (split conformal): `(1 + #{calibration scores ≥ score}) / (1 + n)`. For cells like the
    training cells it is uniform on (0, 1]; small values speak for a novel cell.

    Attributes
    ----------
    means
        Mean of each label, `(n_labels, D)`.
    whitener
        Matrix `(D, D)` under which the shared covariance becomes the identity.
    calibration
        Increasing scores of held-out cells, `(n_calibration,)`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> known = rng.normal(size=(300, 2))
    >>> scorer = NoveltyScorer.fit(known[:200], np.zeros(200, dtype=int), known[200:])
    >>> bool(scorer.pvalue(np.array([[9.0, 9.0]]))[0] < 0.05)
    True
    """

    means: np.ndarray
    whitener: np.ndarray
    calibration: np.ndarray

    @classmethod
    def fit(cls, latent: np.ndarray, codes: np.ndarray, held_out: np.ndarray) -> NoveltyScorer:
        """Learn from training cells, calibrate on held-out ones.

        Parameters
        ----------
        latent
            Training cells, `(n_obs, D)`.
        codes
            Their label codes, `(n_obs,)`; every code up to the largest has cells.
        held_out
            Cells of the same kind that the weights did not see, `(n_calibration, D)`.
        """
        latent = np.asarray(latent, dtype=np.float64)
        n_labels = int(codes.max()) + 1
        means = np.stack([latent[codes == k].mean(axis=0) for k in range(n_labels)])
        centred = latent - means[codes]
        covariance = centred.T @ centred / max(len(latent) - n_labels, 1)
        n_dims = covariance.shape[0]
        # With few cells the covariance is shrunk towards a sphere, fully so at one cell.
        weight = n_dims / (n_dims + len(latent))
        sphere = np.eye(n_dims) * max(np.trace(covariance) / n_dims, np.finfo(float).eps)
        values, vectors = np.linalg.eigh((1 - weight) * covariance + weight * sphere)
        scorer = cls(
            means=means, whitener=vectors / np.sqrt(values), calibration=np.zeros(0, dtype=float)
        )
        calibration = np.sort(scorer.score(held_out))
        return cls(means=means, whitener=scorer.whitener, calibration=calibration)

    def score(self, latent: np.ndarray) -> np.ndarray:
        """Mahalanobis distance to the nearest label mean, float64 `(n_obs,)`."""
        latent = np.asarray(latent, dtype=np.float64) @ self.whitener
        means = self.means @ self.whitener
        score = np.full(len(latent), np.inf)
        for mean in means:
            np.minimum(score, np.sqrt(((latent - mean) ** 2).sum(axis=1)), out=score)
        return score

    def pvalue(self, latent: np.ndarray) -> np.ndarray:
        """Conformal p-value of being like the training cells, float64 `(n_obs,)`.

        NaN where no cells were held out for calibration.
        """
        n = len(self.calibration)
        if n == 0:
            return np.full(len(latent), np.nan)
        # A cell that equals a calibration cell up to rounding counts as equal, however its matrix
        # product was grouped.
        score = self.score(latent) * (1 - _ROUNDING)
        n_above = n - np.searchsorted(self.calibration, score, side="left")
        return (1 + n_above) / (1 + n)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        return {
            "means": self.means,
            "whitener": self.whitener,
            "calibration": self.calibration,
        }
