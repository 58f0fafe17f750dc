"""Arrays that callers give, checked once and in one way."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# How far above 1 a probability may come to lie in float32.
_ROUNDING = 1e-6


def logits_of(values: ArrayLike) -> np.ndarray:
    """Return logits as float64 `(n_obs, n_labels)`; refuse what are none."""
    logits = np.asarray(values, dtype=np.float64)
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError(f"logits {logits.shape}: one row per cell and one column per label.")
    if not np.isfinite(logits).all():
        raise ValueError(f"logits: {int((~np.isfinite(logits)).sum())} are NaN or infinite.")
    return logits


def scaled_logits(values: ArrayLike, temperature: float) -> np.ndarray:
    """Return logits less the largest of each cell, over the temperature; nothing overflows."""
    logits = logits_of(values)
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature={temperature!r}; a positive number is needed.")
    with np.errstate(over="ignore"):  # to minus infinity: a probability of 0
        return (logits - logits.max(axis=1, keepdims=True)) / temperature


def probability_of(values: ArrayLike, n_labels: int) -> np.ndarray:
    """Return probabilities as float64 `(n_obs, n_labels)`, rows scaled to sum to 1."""
    probability = np.asarray(values, dtype=np.float64)
    if probability.ndim != 2 or probability.shape[1] != n_labels:
        raise ValueError(
            f"probability {probability.shape}: one row per cell and one column for each of "
            f"{n_labels} labels are needed."
        )
    outside = ~((probability >= 0) & (probability <= 1 + _ROUNDING))
    if outside.any():
        raise ValueError(
            f"probability: {int(outside.sum())} values are not from 0 to 1, such as "
            f"{probability[outside][0]:.7g}. Turn logits into probabilities with "
            "cc.metrics.softmax(logits)."
        )
    total = probability.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ValueError(
            f"probability: those of {int((total == 0).sum())} cells are all 0. Leave these cells "
            "out: probability[probability.sum(axis=1) > 0]."
        )
    return probability / total


def check_tolerance(value: object) -> None:
    """Refuse what is no finite number from 0 on."""
    if not (isinstance(value, Real) and 0 <= float(value) < math.inf):
        raise ValueError(f"tolerance={value!r}; a number from 0 on is needed.")


def codes_of(values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return label codes of cells, int64 `(n_obs,)`, that fit a table `(n_obs, n_labels)`."""
    codes = np.asarray(values)
    if codes.shape != shape[:1] or (codes.size and codes.dtype.kind not in "iu"):
        raise ValueError(
            f"codes: {codes.dtype} {codes.shape}; one whole number for each of {shape[0]} cells is "
            "needed."
        )
    if codes.size and not (codes.min() >= 0 and codes.max() < shape[1]):
        raise ValueError(
            f"codes lie between {codes.min()} and {codes.max()}; with {shape[1]} labels they are "
            f"0 to {shape[1] - 1}."
        )
    return codes.astype(np.int64)
