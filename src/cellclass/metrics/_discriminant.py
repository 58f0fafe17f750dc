"""A linear discriminant on logarithms of counts that is blind to a cell's level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf

# Variance within labels that is taken for granted.
_LEAST = 1e-6


@dataclass(frozen=True)
class Discriminant:
    r"""Labels as Gaussians with one covariance, of a few values such as proteins.

    With the label means :math:`\mu_k`, the covariance within labels :math:`S` and the shares
    :math:`\pi_k` of the labels, the logit of label k is

    .. math:: \mu_k^T P x - \tfrac12 \mu_k^T P \mu_k + \log \pi_k, \qquad
              P = S^{-1} - \frac{S^{-1} 1 1^T S^{-1}}{1^T S^{-1} 1} .

    :math:`P` is what :math:`S^{-1}` becomes when the level of a cell, which is added to all of its
    values, may be anything: so the logits of counts' logarithms and of their centred log ratio are
    the same. A value that is missing is left out of :math:`\mu` and :math:`S`, which is exact.

    :math:`S` is shrunken as Ledoit and Wolf (2004) do, on values scaled by their spread within
    labels, and raised by its median variance, as in nearest shrunken centroids (Tibshirani et al.
    2003).

    Attributes
    ----------
    means
        Of the labels, float64 `(n_labels, n)`.
    covariance
        Within labels, float64 `(n, n)`.
    log_prior
        Logarithm of the shares of the labels, `(n_labels,)`.

    Examples
    --------
    >>> x = np.array([[3.0, 0.0, 0.1], [3.0, 0.1, 0.0], [0.1, 3.0, 0.0], [0.0, 3.0, 0.1]])
    >>> fitted = Discriminant.fit(x, np.array([0, 0, 1, 1]))
    >>> fitted.logits(x + 5).argmax(axis=1)
    array([0, 0, 1, 1])
    """

    means: np.ndarray
    covariance: np.ndarray
    log_prior: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, codes: np.ndarray) -> Discriminant:
        """Learn from cells `(n_obs, n)` and their codes; every code up to the largest has cells."""
        x = np.asarray(x, dtype=np.float64)
        n_cells = np.bincount(codes)
        means = np.stack([x[codes == k].mean(axis=0) for k in range(len(n_cells))])
        within = (x - means[codes]) * np.sqrt(len(x) / max(len(x) - len(n_cells), 1))
        spread = np.sqrt(np.maximum((within**2).mean(axis=0), _LEAST))
        shrunken = ledoit_wolf(within / spread, assume_centered=True)[0]
        covariance = shrunken * np.outer(spread, spread)
        covariance += np.eye(len(spread)) * max(np.median(np.diag(covariance)), _LEAST)
        return cls(means, covariance, np.log(n_cells / n_cells.sum()))

    def logits(self, x: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Logits of cells, float64 `(n_obs, n_labels)`.

        Parameters
        ----------
        x
            `(n_obs, n)`; values that are not known are not read.
        known
            Which values are, bool `(n,)`; all where it is left out.
        """
        kept = np.arange(x.shape[1]) if known is None else np.flatnonzero(known)
        inverse = np.linalg.inv(self.covariance[np.ix_(kept, kept)])
        total = inverse.sum(axis=1)
        precision = inverse - np.outer(total, total) / total.sum()
        means = self.means[:, kept]
        weights = precision @ means.T  # (n, L)
        bias = self.log_prior - 0.5 * (means.T * weights).sum(axis=0)
        return np.asarray(x[:, kept], dtype=np.float64) @ weights + bias

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        return dict(vars(self))
