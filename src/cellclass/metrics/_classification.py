"""How well predicted labels agree with true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def classification_report_df(truth: ArrayLike, predicted: ArrayLike) -> pd.DataFrame:
    """Score each true label.

    Parameters
    ----------
    truth, predicted
        One label per cell, `(n_obs,)`. A prediction outside the true labels (`"unassigned"`, say)
        counts as wrong.

    Returns
    -------
    One row per true label, sorted: `precision`, `recall`, `f1` (0–1) and `support` (cells).

    Examples
    --------
    >>> classification_report_df(["B", "B", "T"], ["B", "T", "T"])
           precision  recall        f1  support
    label
    B            1.0     0.5  0.666667        2
    T            0.5     1.0  0.666667        1
    """
    true, given = _same_length(truth, predicted)
    labels = np.unique(true)
    columns = ["precision", "recall", "f1", "support"]
    index = pd.Index(labels, name="label")
    if len(true) == 0:  # which scikit-learn refuses
        return pd.DataFrame({name: np.zeros(0) for name in columns}, index=index)
    scores = precision_recall_fscore_support(true, given, labels=labels, zero_division=0)
    return pd.DataFrame(dict(zip(columns, scores, strict=True)), index=index)


def classification_scores(truth: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Score all cells together.

    Parameters
    ----------
    truth, predicted
        One label per cell, `(n_obs,)`.

    Returns
    -------
    `accuracy`; `balanced_accuracy`, the mean recall of the true labels; `macro_f1`, the mean F1 of
    the true labels. All 0–1, NaN without cells.

    Examples
    --------
    >>> classification_scores(["B", "B", "T"], ["B", "T", "T"])["balanced_accuracy"]
    0.75
    """
    true, given = _same_length(truth, predicted)
    if len(true) == 0:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), float("nan"))
    report = classification_report_df(true, given)
    return {
        "accuracy": float(np.mean(true == given)),
        "balanced_accuracy": float(report["recall"].mean()),
        "macro_f1": float(report["f1"].mean()),
    }


def confusion_df(truth: ArrayLike, predicted: ArrayLike) -> pd.DataFrame:
    """Count cells by true and predicted label.

    Parameters
    ----------
    truth, predicted
        One label per cell, `(n_obs,)`.

    Returns
    -------
    Cells (counts); true labels in rows, all labels that occur in columns.

    Examples
    --------
    >>> confusion_df(["B", "B", "T"], ["B", "T", "T"])
    predicted  B  T
    truth
    B          1  1
    T          0  1
    """
    true, given = _same_length(truth, predicted)
    rows, row = np.unique(true, return_inverse=True)
    columns = np.union1d(true, given)
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(counts, (row, np.searchsorted(columns, given)), 1)
    return pd.DataFrame(
        counts, index=pd.Index(rows, name="truth"), columns=pd.Index(columns, name="predicted")
    )


def _same_length(truth: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    true, given = np.asarray(truth, dtype=str), np.asarray(predicted, dtype=str)
    if true.shape != given.shape or true.ndim != 1:
        raise ValueError(
            f"truth {true.shape} and predicted {given.shape} must be one label per cell each."
        )
    return true, given
