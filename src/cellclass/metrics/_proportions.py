"""Proportions of labels, corrected with a confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Below this smallest singular value of the rates, noise in the shares grows more than twentyfold.
SINGULAR = 0.05
_MOST_STEPS, _TOLERANCE = 5000, 1e-9


def correct_proportions(predicted: ArrayLike, confusion: ArrayLike) -> np.ndarray:
    r"""Correct shares of predicted labels for the cells that are taken for another label.

    With :math:`M_{tp}` the share of the cells of label t that are called p, measured on cells that
    the classifier was not trained on, cells of proportions :math:`\pi` are called p with the
    frequency :math:`q_p = \sum_t \pi_t M_{tp}`. Solving this for :math:`\pi` undoes the confusion
    [1]_ [2]_; where the solution has negative shares, the most likely one without them is taken,

    .. math::

        \hat\pi = \arg\max_{\pi \ge 0,\, \sum \pi = 1} \sum_p q_p \log \sum_t \pi_t M_{tp} .

    The proportions may be any; the cells of a label must be as easy or hard as those that the
    confusion was measured on. Counting predicted labels instead is biased towards labels that
    others are taken for.

    Parameters
    ----------
    predicted
        Cells, or shares of cells, by predicted label, `(n_labels,)` or `(n_samples, n_labels)`.
    confusion
        Cells by true label (rows) and predicted label (columns), `(n_labels, n_labels)`, none of
        which the classifier was trained on; or shares, rows summing to 1.

    Returns
    -------
    Proportions of the true labels, 0–1, float64 in the shape of `predicted`; they sum to 1.

    Raises
    ------
    ValueError
        The shapes do not fit, there is no predicted cell, a label has no cells in `confusion`, or
        two labels cannot be told apart.

    References
    ----------
    .. [1] Rogan and Gladen (1978), Estimating prevalence from the results of a screening test.
    .. [2] Forman (2008), Quantifying counts and costs via classification.

    Examples
    --------
    One in five T cells is taken for an NK cell:

    >>> correct_proportions([80, 20], [[80, 20], [0, 50]])
    array([1., 0.])
    """
    counts = np.asarray(predicted, dtype=np.float64)
    rates = confusion_rates(confusion)
    if counts.ndim == 0 or counts.shape[-1] != len(rates):
        raise ValueError(
            f"predicted {counts.shape} and confusion {rates.shape} do not fit: one count and one "
            "row and column for each label are needed."
        )
    total = counts.sum(axis=-1, keepdims=True)
    if not (np.isfinite(counts).all() and (counts >= 0).all() and (total > 0).all()):
        raise ValueError("predicted: counts or shares from 0 on are needed, not all 0.")
    if smallest_singular_value(rates) < SINGULAR:
        names = " and ".join(str(place) for place in indistinct(rates))
        raise ValueError(
            f"The classifier can hardly tell labels {names} apart (counted from 0), so their "
            "proportions cannot be told either. Merge them."
        )
    return most_likely(counts / total, rates)


def confusion_rates(confusion: ArrayLike) -> np.ndarray:
    """Return the rows as shares that sum to 1, float64 `(n_labels, n_labels)`."""
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"confusion {counts.shape} is not square: one row and column per label.")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ValueError("confusion: numbers of cells from 0 on are needed.")
    total = counts.sum(axis=1)
    if (total == 0).any():
        raise ValueError(
            f"confusion: no cell has the true label in row {int(np.argmin(total))} (counted from "
            "0), so it is unknown what such cells are taken for."
        )
    return counts / total[:, None]


def smallest_singular_value(rates: np.ndarray) -> float:
    """1 for a classifier without errors, 0 where labels cannot be told apart."""
    return float(np.linalg.svd(rates, compute_uv=False)[-1])


def indistinct(rates: np.ndarray) -> list[int]:
    """Places of the two labels between which the classifier tells least.

    Moving cells along the last singular vector changes the predicted shares least.
    """
    vector = np.linalg.svd(rates)[0][:, -1]
    first = int(np.abs(vector).argmax())
    return sorted([first, int((-vector * np.sign(vector[first])).argmax())])


def most_likely(shares: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Solve `proportions @ rates = shares` `(…, n_labels)`, as well as goes from 0 on."""
    found = np.linalg.solve(rates.T, shares[..., None])[..., 0]
    outside = (found < 0).any(axis=-1)
    if outside.any():
        found[outside] = _expectation_maximisation(shares[outside], rates)
    return np.clip(found, 0, None) / np.clip(found, 0, None).sum(axis=-1, keepdims=True)


def _expectation_maximisation(shares: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Most likely proportions `(n, n_labels)` for shares `(n, n_labels)`, none negative."""
    found = np.full_like(shares, 1 / shares.shape[1])
    for _ in range(_MOST_STEPS):
        expected = found @ rates
        ratio = np.divide(shares, expected, out=np.zeros_like(shares), where=expected > 0)
        updated = found * (ratio @ rates.T)
        change = np.abs(updated - found).max()
        found = updated
        if change < _TOLERANCE:
            break
    return found
