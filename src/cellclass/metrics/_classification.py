"""How well predicted labels agree with true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

if TYPE_CHECKING:
    from collections.abc import Sequence


def classification_report_df(truth: Sequence[str], predicted: Sequence[str]) -> pd.DataFrame:
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
    truth, predicted = _same_length(truth, predicted)
    labels = np.unique(truth)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    index = pd.Index(labels, name="label")
    return pd.DataFrame(
        {"precision": precision, "recall": recall, "f1": f1, "support": support}, index=index
    )


def classification_scores(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
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
    truth, predicted = _same_length(truth, predicted)
    if len(truth) == 0:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), float("nan"))
    report = classification_report_df(truth, predicted)
    return {
        "accuracy": float(np.mean(truth == predicted)),
        "balanced_accuracy": float(report["recall"].mean()),
        "macro_f1": float(report["f1"].mean()),
    }


def confusion_df(truth: Sequence[str], predicted: Sequence[str]) -> pd.DataFrame:
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
    truth, predicted = _same_length(truth, predicted)
    labels = np.unique(np.concatenate([truth, predicted]))
    rows = np.isin(labels, truth)
    return pd.DataFrame(
        confusion_matrix(truth, predicted, labels=labels)[rows],
        index=pd.Index(labels[rows], name="truth"),
        columns=pd.Index(labels, name="predicted"),
    )


def _same_length(truth: Sequence[str], predicted: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} true labels, but {len(predicted)} predicted ones.")
    return np.asarray(truth, dtype=str), np.asarray(predicted, dtype=str)
