"""How sure a difference between two classifiers is that answered the same cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_SCORES = ("accuracy", "macro_f1")


def paired_difference(
    truth: ArrayLike,
    ours: ArrayLike,
    theirs: ArrayLike,
    *,
    folds: ArrayLike,
    groups: ArrayLike | None = None,
    n_resamples: int = 2000,
    rng: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Compare two classifiers on the same cells by a paired bootstrap.

    Resampled are cells within each fold, or with `groups` whole groups, which are what a new sample
    would bring. Both classifiers are scored on the same resample, so that cells that are hard for
    both do not widen the interval of the difference.

    Parameters
    ----------
    truth, ours, theirs
        True labels and those of either classifier, `(n_obs,)`.
    folds
        Fold of each cell, `(n_obs,)`.
    groups
        Group of each cell, `(n_obs,)`.
    n_resamples
        How many.
    rng
        Seed, or generator, which is advanced.

    Returns
    -------
    Rows `accuracy` and `macro_f1` (mean over true labels), over all cells together; columns
    `model`, `baseline`, `difference`, and `lower` and `upper`, the 95% percentile interval of the
    difference.
    """
    generator = np.random.default_rng(rng)
    parts = [np.asarray(values).astype(str) for values in (truth, ours, theirs)]
    n_labels, kinds, counts = _kinds(parts, np.asarray(folds), groups)
    if groups is None:
        # Each row of `counts` is a fold, whose number of cells stays what it is.
        drawn = sum(
            generator.multinomial(row.sum(), row / row.sum(), size=n_resamples) for row in counts
        )
    else:
        n = len(counts)
        drawn = generator.multinomial(n, np.full(n, 1 / n), size=n_resamples) @ counts
    every = np.vstack([counts.sum(axis=0), drawn]).astype(np.float64)
    scores = [_scores(every, kinds[:, 0], kinds[:, which], n_labels) for which in (1, 2)]
    rows = {}
    for name, model, baseline in zip(_SCORES, *scores, strict=True):
        difference = model - baseline
        lower, upper = np.percentile(difference[1:], [2.5, 97.5])
        rows[name] = (model[0], baseline[0], difference[0], lower, upper)
    columns = ["model", "baseline", "difference", "lower", "upper"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _kinds(
    parts: list[np.ndarray], folds: np.ndarray, groups: ArrayLike | None
) -> tuple[int, np.ndarray, np.ndarray]:
    """Count cells of each kind (truth, ours, theirs as codes) by fold or group."""
    labels, codes = np.unique(np.concatenate(parts), return_inverse=True)
    cells = codes.reshape(3, -1).T
    kinds, kind = np.unique(cells, axis=0, return_inverse=True)
    units = folds if groups is None else np.asarray(groups)
    names, unit = np.unique(units, return_inverse=True)
    counts = np.zeros((len(names), len(kinds)), dtype=np.int64)
    np.add.at(counts, (unit, kind.ravel()), 1)
    return len(labels), kinds, counts


def _scores(
    counts: np.ndarray, truth: np.ndarray, given: np.ndarray, n_labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and macro-F1 of each row of `counts` `(n_rows, n_kinds)`."""
    is_truth, is_given = (np.eye(n_labels)[codes] for codes in (truth, given))
    support, answered = counts @ is_truth, counts @ is_given
    right = counts @ (is_truth * is_given)
    f1 = np.divide(2 * right, support + answered, out=np.zeros_like(right), where=support > 0)
    return right.sum(axis=1) / counts.sum(axis=1), f1.sum(axis=1) / (support > 0).sum(axis=1)
