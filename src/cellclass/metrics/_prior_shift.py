"""Other proportions of the labels in a query than in training, estimated and corrected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import check_whole
from cellclass.metrics._arrays import check_tolerance, probability_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Shares too small to divide by.
_NOTHING = 1e-12


@dataclass(frozen=True)
class PriorShift:
    """Shares of the labels in training and, as estimated, in a query.

    Attributes
    ----------
    training_prior, query_prior
        Shares (0–1) of the labels, float64 `(n_labels,)`; each sums to 1.
    n_iterations
        Steps that were made.
    converged
        Whether no share changed by more than the tolerance in the last one.

    Examples
    --------
    >>> shift = PriorShift(
    ...     np.array([0.5, 0.5]), np.array([0.9, 0.1]), n_iterations=1, converged=True
    ... )
    >>> shift.corrected(np.array([[0.5, 0.5]]))
    array([[0.9, 0.1]])
    """

    training_prior: np.ndarray
    query_prior: np.ndarray
    n_iterations: int
    converged: bool

    def corrected(self, probability: np.ndarray) -> np.ndarray:
        """Return the probabilities `(n_obs, n_labels)` under the query's shares; rows sum to 1.

        Raises
        ------
        ValueError
            These are no probabilities (0–1) of as many labels.
        """
        given = probability_of(probability, len(self.training_prior))
        return _under(given, self.training_prior, self.query_prior)


def estimate_prior_shift(
    probability: ArrayLike,
    training_prior: ArrayLike,
    *,
    max_iterations: int = 1000,
    tolerance: float = 1e-6,
) -> PriorShift:
    r"""Estimate the shares of the labels in a query from the probabilities of its cells.

    The probabilities :math:`p_{ik}` of a classifier take the label shares :math:`\pi_k` of its
    training for granted. If cells of a label look alike in both, and only the shares differ, the
    likelihood of the query is largest for the shares q that these two steps find (Saerens, Latinne
    & Decaestecker 2002), starting at :math:`q = \pi`:

    .. math::

        r_{ik} = \frac{p_{ik}\, q_k / \pi_k}{\sum_l p_{il}\, q_l / \pi_l}
        \qquad q_k = \frac{1}{n} \sum_i r_{ik}

    Probabilities that are not calibrated, novel cell types and differences between batches bend
    the estimate.

    Parameters
    ----------
    probability
        Of each label (0–1), `(n_obs, n_labels)`; rows are scaled to sum to 1.
    training_prior
        Shares of the labels in training, `(n_labels,)`; scaled to sum to 1. A label with share 0
        keeps it.
    max_iterations
        Most steps to make.
    tolerance
        Stop when no share changes by more.

    Returns
    -------
    Both shares; its `corrected` gives the probabilities :math:`r_{ik}`. Without cells, the query's
    shares are those of training.

    Raises
    ------
    ValueError
        The shapes do not fit, a probability is not from 0 to 1, a cell has none above 0, the shares
        are negative or sum to 0, or the iterations or the tolerance are none.

    Examples
    --------
    >>> shift = estimate_prior_shift([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], [0.5, 0.5])
    >>> bool(shift.query_prior[0] > 0.99)
    True
    """
    check_whole(max_iterations, "max_iterations", 1)
    check_tolerance(tolerance)
    prior = np.asarray(training_prior, dtype=np.float64)
    if prior.ndim != 1 or np.shape(probability)[1:] != prior.shape:
        raise ValueError(
            f"probability {np.shape(probability)} and training_prior {prior.shape} do not fit: one "
            "column and one share for each label are needed."
        )
    given = probability_of(probability, len(prior))
    if not (np.isfinite(prior).all() and (prior >= 0).all() and prior.any()):
        raise ValueError(
            f"training_prior={prior.tolist()}; shares from 0 on are needed, not all 0."
        )
    prior = prior / prior.max()  # so that no sum overflows
    prior = prior / prior.sum()
    prior[prior < _NOTHING] = 0.0
    share, n_iterations, converged = prior, 0, len(given) == 0
    while n_iterations < max_iterations and not converged:
        updated = _under(given, prior, share).mean(axis=0)
        n_iterations += 1
        converged = bool(np.abs(updated - share).max() <= tolerance)
        share = updated
    return PriorShift(prior, share, n_iterations, converged)


def _under(probability: np.ndarray, prior: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Bayes' rule with other shares; a cell that they leave nothing keeps its probabilities."""
    ratio = np.divide(share, prior, out=np.zeros_like(share), where=prior > 0)
    moved = probability * ratio
    total = moved.sum(axis=1, keepdims=True)
    return np.divide(moved, total, out=probability.copy(), where=total > 0)
