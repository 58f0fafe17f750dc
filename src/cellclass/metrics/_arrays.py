"""Arrays that callers give, checked once and in one way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


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
