"""Jensen–Shannon distance of proportions to those of a reference, with its uncertainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm, t


class Distance(NamedTuple):
    """Jensen–Shannon distance (0–1) and its interval."""

    estimate: float
    lower: float
    upper: float
    raw: float
    """As it is before the part that chance adds is taken off."""
    added: float
    """That part: bits, on the scale of the divergence."""


def js_divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen–Shannon divergence in bits (0–1) of shares `(…, n_labels)`; negative ones count as 0.

    Its square root is a metric, the Jensen–Shannon distance.
    """
    p, q = (np.clip(shares, 0, None) for shares in (p, q))
    p, q = (shares / shares.sum(axis=-1, keepdims=True) for shares in (p, q))
    middle = (p + q) / 2
    both = rel_entr(p, middle).sum(axis=-1) + rel_entr(q, middle).sum(axis=-1)
    return np.clip(both / (2 * np.log(2)), 0, 1)


def js_distance(
    estimate: tuple[np.ndarray, np.ndarray],
    draws: tuple[np.ndarray, np.ndarray],
    *,
    level: float,
    degrees: int | None,
) -> Distance:
    r"""Estimate the distance of proportions to a reference.

    Noise makes proportions look different: the divergence D of estimates is too large on average,
    the more so the smaller the samples. What drawing again adds once more, the mean of D* − D over
    draws, is taken off: the bootstrap estimate of bias. The interval has the spread of the draws,
    with the scale of Student's t where samples are few, around the corrected D; the distance is the
    square root.

    Parameters
    ----------
    estimate
        Proportions of the condition and of the reference, `(n_labels,)`.
    draws
        Of both, `(n, n_labels)`, as if their spread were known.
    level
        Such as 0.95.
    degrees
        Of freedom of t; `None` for the normal distribution.
    """
    found = float(js_divergence(*estimate))
    drawn = js_divergence(*draws)
    added = float(drawn.mean()) - found
    tail = (1 - level) / 2
    low, middle, high = np.quantile(drawn, [tail, 0.5, 1 - tail])
    scale = 1.0 if degrees is None else float(t.isf(tail, degrees) / norm.isf(tail))
    centre = max(found - added, 0.0)
    lower = max(found - added - scale * (middle - low), 0.0)
    upper = min(max(found - added + scale * (high - middle), centre), 1.0)
    centre, lower, upper, raw = (float(np.sqrt(x)) for x in (centre, lower, upper, found))
    return Distance(centre, lower, upper, raw, added)
