"""Sets of labels that hold the true one with a stated probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from cellclass._checks import check_fraction
from cellclass._warn import warn
from cellclass.metrics._arrays import codes_of, scaled_logits

# All labels together count as so many cells of a label that has none of its own, as half as many
# where it has five, and ever fewer; and the threshold is set as if half a cell more were beyond it.
# Fewer shared cells give rare labels too wide sets, more give hard labels too small ones. Chosen on
# the datasets of benchmarks/prediction_sets.py.
_SHARED_CELLS, _HALVED_AT = 20, 5
_BEYOND = 0.5
# Relative differences of scores that come from rounding in float32.
_ROUNDING = 1e-4


def log_losses(logits: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into negative log probabilities.

    Exact also where the probability is so near to 1 that it rounds to 1.

    Parameters
    ----------
    logits
        `(n_obs, n_labels)`.
    temperature
        Divides the logits, as in :func:`softmax`.

    Returns
    -------
    float64 array `(n_obs, n_labels)`, nats; 0 for a label that is certain.

    Raises
    ------
    ValueError
        The logits are no finite numbers `(n_obs, n_labels)`, or the temperature is not positive.

    Examples
    --------
    >>> log_losses(np.array([[0.0, 0.0]])).round(3)
    array([[0.693, 0.693]])
    """
    scaled = scaled_logits(logits, temperature)
    best = scaled.argmax(axis=1)
    rows = np.arange(len(scaled))
    loss = logsumexp(scaled, axis=1, keepdims=True) - scaled
    others = scaled - scaled[rows, best][:, None]
    others[rows, best] = -np.inf
    loss[rows, best] = np.log1p(np.exp(others).sum(axis=1))
    return loss


@dataclass(frozen=True)
class ConformalSets:
    """Prediction sets of stated coverage, by label (split conformal).

    The score of a label for a cell is its negative log probability. A set holds the labels whose
    score is not above their threshold (Sadinle et al. 2019), which for label k is a quantile of the
    scores that held-out cells have for their own labels. In that quantile the `n_k` cells of the
    label count one each, and all `n` held-out cells together `20 · 5 / (5 + n_k)`: labels with many
    cells get a threshold of their own, rare ones lean on all.

    Attributes
    ----------
    scores
        Scores of held-out cells for their own labels (nats), `(n_calibration,)`.
    codes
        Codes of these labels, `(n_calibration,)`.

    Examples
    --------
    >>> logits = np.log([[0.8, 0.2], [0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    >>> sets = ConformalSets.fit(log_losses(logits), np.array([0, 0, 0, 1]))
    >>> thresholds = sets.thresholds(2, coverage=0.5)
    >>> sets.contains(log_losses(np.log([[0.55, 0.45], [0.9, 0.1]])), thresholds)
    array([[False, False],
           [ True, False]])
    """

    scores: np.ndarray
    codes: np.ndarray

    @classmethod
    def fit(cls, losses: np.ndarray, codes: np.ndarray) -> ConformalSets:
        """Learn from cells that the weights did not see.

        Parameters
        ----------
        losses
            Of every label, as :func:`log_losses` gives them, `(n_calibration, n_labels)`.
        codes
            Codes of the true labels, `(n_calibration,)`.
        """
        codes = codes_of(codes, losses.shape)
        return cls(losses[np.arange(len(codes)), codes], codes)

    def thresholds(
        self, n_labels: int, coverage: float, *, now: np.ndarray | None = None
    ) -> np.ndarray:
        """Largest score with which each label is in a set, `(n_labels,)`.

        Infinite for a label that has too few cells for the coverage; the caller is warned.

        Parameters
        ----------
        n_labels
            How many labels there are.
        coverage
            Share (0–1) of the cells whose set is to hold the true label.
        now
            Increasing scores that held-out cells have under the conditions of a query, such as
            with genes missing; a threshold becomes the score of the same rank among them.
        """
        check_fraction(coverage, "coverage")
        order = np.argsort(self.scores, kind="stable")
        scores, codes = self.scores[order], self.codes[order]
        n_cells = len(scores)
        found = np.full(n_labels, np.inf)
        share = np.arange(1, n_cells + 1) / max(n_cells, 1)  # of all cells, up to each one
        for k in range(n_labels if n_cells else 0):
            own = np.cumsum(codes == k)
            shared = _SHARED_CELLS * _HALVED_AT / (_HALVED_AT + own[-1])
            below = own + shared * share  # weight of the scores up to each one
            place = np.searchsorted(below, coverage * (below[-1] + _BEYOND) * (1 - 1e-12))
            if place < n_cells:
                found[k] = scores[place]
        finite = np.isfinite(found)
        if not finite.all():
            warn(
                f"coverage={coverage:g} is more than {n_cells} held-out cells can bear out for "
                f"{int((~finite).sum())} of {n_labels} labels: these are in every set. Ask for "
                "less, or train with more labelled cells.",
            )
        if now is not None:
            rank = np.searchsorted(scores, found[finite], side="right")
            found[finite] = np.quantile(now, (rank - 0.5) / n_cells, method="hazen")
        return found

    @staticmethod
    def contains(losses: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Say which labels are in the sets of cells, bool `(n_obs, n_labels)`.

        Parameters
        ----------
        losses
            Of every label, `(n_obs, n_labels)`.
        thresholds
            Of every label, as `thresholds` gives them.
        """
        # A cell that equals a held-out cell up to rounding is in where that one is.
        return losses <= thresholds * (1 + _ROUNDING)
