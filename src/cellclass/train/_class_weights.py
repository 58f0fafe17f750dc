"""How much a cell of each label counts in the loss, where labels differ in size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellclass._checks import near

if TYPE_CHECKING:
    from collections.abc import Sequence

    ClassWeights = Literal["balanced", "effective_number"] | Mapping[str, float]

# Of Cui et al.: as if a label had at most 1 / (1 - β) cells that differ from each other.
_BETA = 0.999


def class_weights(
    how: ClassWeights | None, codes: np.ndarray, labels: Sequence[str]
) -> np.ndarray | None:
    r"""Weigh the labels.

    With :math:`n_k` of the n training cells in label k of K, a cell of label k counts

    .. math:: w_k = \frac{n}{K n_k}
        \qquad\text{or}\qquad w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}

    `"balanced"` gives every label the same say; `"effective_number"` (Cui et al. 2019, β = 0.999)
    does so for labels of up to some hundred cells and lets larger ones count for more than small
    ones. Both are scaled to a mean of 1 over the training cells, so that the learning rate keeps
    its meaning. A mapping from labels to weights is taken as it is; labels that it leaves out
    count 1.

    Parameters
    ----------
    how
        `"balanced"`, `"effective_number"`, a mapping, or `None` for no weights.
    codes
        Label codes of the training cells, `(n_obs,)`.
    labels
        The labels in the order of the codes.

    Returns
    -------
    float32 `(n_labels,)`, 0 for a label without training cells unless a mapping gives its weight;
    `None` for no weights.

    Raises
    ------
    ValueError
        `how` is none of these, names an unknown label, or holds a weight that is no positive
        number.
    """
    if how is None:
        return None
    if isinstance(how, Mapping):
        return _given(how, labels)
    counts = np.bincount(codes, minlength=len(labels)).astype(np.float64)
    filled = counts > 0
    if how == "balanced":
        raw = 1.0 / np.maximum(counts, 1)
    elif how == "effective_number":
        raw = (1 - _BETA) / (1 - _BETA ** np.maximum(counts, 1))
    else:
        raise ValueError(
            f"class_weights={how!r}; 'balanced', 'effective_number', a dict from labels to "
            "weights, or None is needed."
        )
    raw = np.where(filled, raw, 0.0)
    return (raw * counts.sum() / (raw @ counts)).astype(np.float32)


def prior_of_training(
    weights: np.ndarray | None, codes: np.ndarray, n_labels: int, *, balanced_sampling: bool
) -> np.ndarray:
    """Return the share of each label as the fit saw it, float64 `(n_labels,)`; sums to 1.

    That is its share of the training cells, or the same for all with balanced sampling, times its
    weight: what the probabilities of the fitted network take for granted.
    """
    counts = np.bincount(codes, minlength=n_labels).astype(np.float64)
    seen = (counts > 0).astype(np.float64) if balanced_sampling else counts
    seen = seen if weights is None else seen * weights
    return seen / seen.sum()


def _given(how: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    unknown = [str(label) for label in how if str(label) not in labels]
    if unknown:
        raise ValueError(
            f"class_weights names {unknown[0]!r}, which is not a label of the training cells. "
            f"Labels: {near(unknown[0], labels)}."
        )
    weights = np.ones(len(labels))
    for label, weight in how.items():
        weights[list(labels).index(str(label))] = weight
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        worst = labels[int(np.argmin(np.where(np.isfinite(weights), weights, -np.inf)))]
        raise ValueError(
            f"class_weights[{worst!r}] is {how[worst]!r}; every weight must be a positive number. "
            "To leave a label out, drop its cells."
        )
    return weights.astype(np.float32)
