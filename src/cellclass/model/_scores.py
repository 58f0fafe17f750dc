"""What a model says of each cell of a query."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_NOVEL, _MOSTLY = 0.05, 0.5


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

    def judged(self) -> CellScores:
        """Let the cells have their say in what the report expects of them.

        The expected accuracy becomes the mean of what validation cells reached with the same genes
        and of the confidence of these cells: two estimates that go wrong in different ways. Neither
        knows of cell types that the reference lacks. So where most cells are unlike the training
        cells, no accuracy is stated, and the caller is warned.
        """
        if self.empty.all() or np.isnan(self.novelty_pvalue).all():
            return replace(self, report={**self.report, "share_novel": np.nan})
        filled = ~self.empty
        novel = float((self.novelty_pvalue[filled] < _NOVEL).mean())
        confidence = float(self.confidence[filled].mean(dtype=np.float64))
        accuracy = (self.report["expected_accuracy"] + confidence) / 2
        report = {**self.report, "share_novel": novel, "expected_accuracy": accuracy}
        if novel > _MOSTLY:
            report |= {"expected_accuracy": np.nan, "expected_accuracy_error": np.nan}
            warnings.warn(
                f"{novel:.0%} of the cells are unlike all cells that the model was trained on "
                f"(novelty p-value below {_NOVEL}; {_NOVEL:.0%} are by chance). Their labels may "
                "be wrong whatever the confidence says: check that tissue, organism and protocol "
                "are those of the reference.",
                stacklevel=4,
            )
        return replace(self, report=report)

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the best label, float32 `(n_obs,)`; 0 for an empty cell."""
        return np.where(self.empty, np.float32(0), self.probability.max(axis=1))
