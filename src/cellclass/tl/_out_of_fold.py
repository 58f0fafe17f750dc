"""Answers of one classifier to cells that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._keys import UNASSIGNED
from cellclass.metrics import classification_scores, expected_calibration_error

if TYPE_CHECKING:
    from collections.abc import Sequence

_TINY = float(np.finfo(np.float32).tiny)


class OutOfFold:
    """Collects answers fold by fold, in the order of the cells.

    Parameters
    ----------
    classifier
        Its name.
    truth
        True labels, `(n_obs,)`; anything where there is none.
    labels
        All labels, the columns of `probability`.
    """

    def __init__(self, classifier: str, truth: np.ndarray, labels: Sequence[str]) -> None:
        self.classifier = classifier
        self.truth = truth
        self.labels = list(labels)
        self.probability = np.full((len(truth), len(labels)), np.nan, dtype=np.float32)
        self.predicted = np.full(len(truth), None, dtype=object)
        self.confidence = np.full(len(truth), np.nan, dtype=np.float32)
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        fold: int,
        cells: np.ndarray,
        probability: np.ndarray,
        columns: Sequence[str],
        *,
        scored: np.ndarray,
        seconds: float,
        empty: np.ndarray | None = None,
    ) -> None:
        """Note the answers to the cells of a fold, and score those that can be.

        Parameters
        ----------
        fold
            Its number.
        cells
            Positions of its cells.
        probability, columns
            Probabilities `(len(cells), n_columns)` and the labels that they are of.
        scored
            Cells to score, bool `(len(cells),)`.
        seconds
            That the fit took.
        empty
            Cells that are given no label, bool `(len(cells),)`.
        """
        empty = np.zeros(len(cells), dtype=bool) if empty is None else empty
        self.probability[cells] = 0
        places = np.array([self.labels.index(str(label)) for label in columns])
        self.probability[np.ix_(cells, places)] = probability
        best = np.asarray(columns, dtype=object)[probability.argmax(axis=1)]
        self.predicted[cells] = np.where(empty, UNASSIGNED, best)
        self.confidence[cells] = np.where(empty, 0.0, probability.max(axis=1)).clip(0, 1)
        some = cells[scored]
        found = classification_scores(self.truth[some], self.predicted[some].astype(str))
        error = loss = np.nan
        if len(some):
            right = self.truth[some] == self.predicted[some]
            error = expected_calibration_error(self.confidence[some], right)
            code = [self.labels.index(label) for label in self.truth[some]]
            own = self.probability[some, code].astype(np.float64)
            loss = float(-np.log(np.maximum(own, _TINY)).mean())
        self.rows.append(
            {"fold": fold, "classifier": self.classifier}
            | found
            | {
                "expected_calibration_error": error,
                "log_loss": loss,
                "n_obs": len(some),
                "n_novel": len(cells) - len(some),
                "seconds": seconds,
            }
        )

    def probability_df(self, index: pd.Index) -> pd.DataFrame:
        """Return the probabilities, one column for each label."""
        return pd.DataFrame(self.probability, index=index, columns=self.labels)
