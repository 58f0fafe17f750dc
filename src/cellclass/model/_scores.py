"""What a model says of each cell of a query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from cellclass._checks import check_fraction
from cellclass._warn import warn
from cellclass.metrics._is_novel import NOVEL, ROUNDING, is_novel

_MOSTLY = 0.5


class ScoredPart(NamedTuple):
    """What a model says of some neighbouring cells."""

    rows: slice
    """Which cells these are."""
    probability: np.ndarray
    """Calibrated probability (0–1) of each label, float32 `(n_rows, n_labels)`."""
    novelty_pvalue: np.ndarray
    """Conformal p-value of being like the training cells, float32 `(n_rows,)`."""
    empty: np.ndarray
    """Which have hardly an expressed gene, bool `(n_rows,)`."""


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
        Cells with hardly an expressed gene, which no label is given to, bool `(n_obs,)`.
    report
        What the input contract found and did.
    n_calibration
        How many held-out cells the p-values are ranks among.

    Examples
    --------
    >>> import cellclass as cc
    >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
    >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
    >>> model.train(max_epochs=1, enable_progress_bar=False)
    >>> scores = model.score_cells(ref)
    >>> scores.labels, scores.probability.shape
    (('type_0', 'type_1'), (100, 2))
    >>> scores.codes[:2], int(scores.unassigned().sum())
    (array([1, 0]), 0)
    """

    labels: tuple[str, ...]
    probability: np.ndarray
    novelty_pvalue: np.ndarray
    empty: np.ndarray
    report: dict[str, Any]
    n_calibration: int = 0

    @property
    def codes(self) -> np.ndarray:
        """Column of the best label, int64 `(n_obs,)`; the first one of equals."""
        return self.probability.argmax(axis=1)

    def judged(self) -> CellScores:
        """Let the cells have their say in what the report expects of them."""
        report = judged_report(self.report, self.confidence, self.novelty_pvalue, self.empty)
        return replace(self, report=report)

    def unassigned(self, reject_rate: float | None = None) -> np.ndarray:
        """Cells that get no label, bool `(n_obs,)`.

        Parameters
        ----------
        reject_rate
            Share (0–1) of cells like the training cells that may be left out so that novel ones
            are: those with a novelty p-value up to it. `None` leaves out the empty ones alone.

        Raises
        ------
        ValueError
            `reject_rate` is outside (0, 1), or less than the smallest p-value possible.
        """
        return unassigned(self.novelty_pvalue, self.empty, reject_rate, self.n_calibration)

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the best label, float32 `(n_obs,)`; 0 for an empty cell."""
        return np.where(self.empty, np.float32(0), self.probability.max(axis=1))


def judged_report(
    report: dict[str, Any], confidence: np.ndarray, novelty_pvalue: np.ndarray, empty: np.ndarray
) -> dict[str, Any]:
    """Let cells `(n_obs,)` have their say in what the report expects of them.

    The expected accuracy becomes the mean of what validation cells reached with the same genes and
    of the confidence of these cells: two estimates that go wrong in different ways. Neither knows
    of cell types that the reference lacks. So where most cells are unlike the training cells, no
    accuracy is stated, and the caller is warned.
    """
    if empty.all() or np.isnan(novelty_pvalue).all():
        return {**report, "share_novel": np.nan}
    filled = ~empty
    novel = float(is_novel(novelty_pvalue[filled]).mean())
    sure = float(confidence[filled].mean(dtype=np.float64))
    accuracy = (report["expected_accuracy"] + sure) / 2
    report = {**report, "share_novel": novel, "expected_accuracy": accuracy}
    if novel > _MOSTLY:
        report |= {"expected_accuracy": np.nan, "expected_accuracy_error": np.nan}
        warn(
            f"{novel:.0%} of the cells are unlike all cells that the model was trained on "
            f"(novelty p-value up to {NOVEL:g}; {NOVEL:.0%} are by chance). Their labels may "
            "be wrong whatever the confidence says: check that tissue, organism and protocol "
            "are those of the reference.",
        )
    return report


def unassigned(
    novelty_pvalue: np.ndarray, empty: np.ndarray, reject_rate: float | None, n_calibration: int
) -> np.ndarray:
    """Tell which cells get no label, bool `(n_obs,)`, as `CellScores.unassigned` does."""
    if reject_rate is None:
        return empty
    check_fraction(reject_rate, "reject_rate")
    least = 1 / (1 + n_calibration)
    if least > reject_rate * (1 + ROUNDING):
        needed = int(np.ceil(1 / reject_rate - 1 - ROUNDING))
        raise ValueError(
            f"reject_rate={reject_rate:g} needs {needed} held-out cells, and the model has "
            f"{n_calibration}: no p-value is below {least:.2g}. Ask for more, or train "
            "with more labelled cells."
        )
    return empty | is_novel(novelty_pvalue, reject_rate)
