"""Calibration: a confidence of 0.9 should mean that nine in ten answers are right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from cellclass._checks import check_whole
from cellclass.metrics._arrays import codes_of, logits_of, scaled_logits

# Temperatures outside are no longer calibration but a broken model.
_TEMPERATURES = (0.05, 20.0)
# How far ln T is expected to lie below and above 0 before any cell was looked at: networks are too
# sure far more often than not sure enough.
_PRIOR_SD = (0.25, 0.7)


def softmax(logits: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities, `softmax(logits / T)`.

    Parameters
    ----------
    logits
        `(n_obs, n_labels)`.
    temperature
        `T`; above 1 makes the probabilities less sure.

    Returns
    -------
    float64 array `(n_obs, n_labels)`; rows sum to 1.

    Raises
    ------
    ValueError
        The logits are no finite numbers `(n_obs, n_labels)`, or the temperature is not positive.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    scaled = scaled_logits(logits, temperature)
    return np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))


def fit_temperature(logits: np.ndarray, codes: np.ndarray) -> float:
    """Fit the temperature that makes the log-likelihood of held-out cells largest.

    One number for all labels (Guo et al. 2017, "On calibration of modern neural networks"); the
    best label of a cell never changes. A prior on ln T (normal around 0, with standard deviation
    0.25 below and 0.7 above) keeps a handful of cells, all of them right by chance, from making
    the model look certain; with hundreds of cells it hardly counts.

    Parameters
    ----------
    logits
        `(n_obs, n_labels)` of cells that the weights did not see.
    codes
        Their label codes, `(n_obs,)`.

    Returns
    -------
    The temperature, between 0.05 and 20; 1 where there are no cells.

    Raises
    ------
    ValueError
        The logits are no finite numbers `(n_obs, n_labels)`, or the codes do not fit them.

    Examples
    --------
    >>> logits = np.tile([8.0, 0.0], (100, 1))
    >>> codes = np.repeat([0, 1], [75, 25])  # sure, but right in 3 of 4
    >>> round(fit_temperature(logits, codes), 1)
    6.3
    """
    logits = logits_of(logits)
    codes = codes_of(codes, logits.shape)
    if len(codes) == 0:
        return 1.0
    logits = logits - logits.max(axis=1, keepdims=True)  # no exponential overflows
    own = logits[np.arange(len(codes)), codes].sum()

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        misfit = np.log(np.exp(logits / temperature).sum(axis=1)).sum() - own / temperature
        spread = _PRIOR_SD[int(log_temperature > 0)]
        return float(misfit + 0.5 * (log_temperature / spread) ** 2)

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def reliability_curve(
    confidence: np.ndarray, correct: np.ndarray, *, n_bins: int = 15
) -> pd.DataFrame:
    """Compare confidence with the share of right answers, in bins of equal width.

    Parameters
    ----------
    confidence
        Probability (0–1) of the best label, `(n_obs,)`.
    correct
        Whether it was the true one, `(n_obs,)`.
    n_bins
        Number of bins between 0 and 1.

    Returns
    -------
    One row per bin: `low`, `high`, `n_obs`, `confidence` and `accuracy` (means; NaN in an empty
    bin).

    Examples
    --------
    >>> reliability_curve(np.array([0.9, 0.9]), np.array([True, False]), n_bins=2)
       low  high  n_obs  confidence  accuracy
    0  0.0   0.5      0         NaN       NaN
    1  0.5   1.0      2         0.9       0.5
    """
    check_whole(n_bins, "n_bins", 1)
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if confidence.shape != correct.shape or confidence.ndim != 1:
        raise ValueError(
            f"confidence {confidence.shape} and correct {correct.shape} must be one value per cell."
        )
    if confidence.size and not (confidence.min() >= 0 and confidence.max() <= 1 + 1e-6):
        raise ValueError(
            f"confidence lies between {confidence.min():.3g} and {confidence.max():.3g}; "
            "probabilities between 0 and 1 are needed."
        )
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    divisor = np.where(counts > 0, counts, np.nan)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "n_obs": counts,
            "confidence": np.bincount(bins, weights=confidence, minlength=n_bins) / divisor,
            "accuracy": np.bincount(bins, weights=correct, minlength=n_bins) / divisor,
        }
    )


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, *, n_bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy, `Σ_b (n_b / n) |acc_b − conf_b|`.

    Naeini et al. 2015, over bins of equal width; 0 is perfect.

    Parameters
    ----------
    confidence
        Probability (0–1) of the best label, `(n_obs,)`.
    correct
        Whether it was the true one, `(n_obs,)`.
    n_bins
        Number of bins between 0 and 1.

    Returns
    -------
    A number between 0 and 1; NaN without cells.

    Examples
    --------
    >>> round(expected_calibration_error(np.array([0.9, 0.9]), np.array([True, False])), 3)
    0.4
    """
    curve = reliability_curve(confidence, correct, n_bins=n_bins)
    n_obs = curve["n_obs"].sum()
    if n_obs == 0:
        return float("nan")
    gap = (curve["accuracy"] - curve["confidence"]).abs()
    return float((gap * curve["n_obs"]).sum() / n_obs)
