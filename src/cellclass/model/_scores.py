"""What a model says of each cell of a query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class CellScores:
    """Probabilities and novelty of every cell, in the order of the query.

    Attributes
    ----------
    labels
        The labels of the columns of `probability`.
    probability
        Calibrated probability (0–1) of each label, float32 `(n_obs, n_labels)`; rows sum to 1.
    novelty_pvalue
        Conformal p-value of being like the training cells, float32 `(n_obs,)`; NaN when no cells
        were held out in training.
    empty
        Cells without a single count in the genes of the reference, bool `(n_obs,)`.
    report
        What the input contract found and did.
    """

    labels: tuple[str, ...]
    probability: np.ndarray
    novelty_pvalue: np.ndarray
    empty: np.ndarray
    report: dict[str, Any]

    @property
    def codes(self) -> np.ndarray:
        """Column of the best label, int64 `(n_obs,)`; the first one of equals."""
        return self.probability.argmax(axis=1)

    def with_expected_accuracy(self) -> CellScores:
        """Let the cells have their say in the accuracy that the report expects.

        It is the mean of what validation cells reached with the same genes and of the confidence
        of these cells: two estimates that go wrong in different ways.
        """
        expected = self.report["expected_accuracy"]
        if self.empty.all() or np.isnan(expected):
            return self
        confidence = float(self.confidence[~self.empty].mean(dtype=np.float64))
        report = {**self.report, "expected_accuracy": (expected + confidence) / 2}
        return replace(self, report=report)

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the best label, float32 `(n_obs,)`; 0 for an empty cell."""
        return np.where(self.empty, np.float32(0), self.probability.max(axis=1))
