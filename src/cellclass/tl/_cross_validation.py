"""What a cross-validation found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True)
class CrossValidation:
    """Scores and out-of-fold answers of a model, beside those of a tuned logistic regression.

    Attributes
    ----------
    scores
        One row per `fold` and `classifier` (the class of the model, `logistic regression`):
        `accuracy`, `balanced_accuracy`, `macro_f1`, `expected_calibration_error` (0–1), `log_loss`
        (nats per cell), `n_obs` (cells scored), `n_novel` (cells whose label the training cells of
        the fold lack, which are not scored), `seconds` (of fitting).
    labels
        One row per label: `precision`, `recall`, `f1` (0–1), `support` (cells) over all folds, and
        the first three with `baseline_` in front.
    predictions
        Out-of-fold answers, one row per cell in the order of the AnnData: `fold`, `truth`,
        `predicted`, `confidence` (0–1), `scored`, and `baseline`, `baseline_confidence`. Cells
        without a label are in no fold and have no answer.
    probability, baseline_probability
        Out-of-fold probabilities of the labels, float32 `(n_obs, n_labels)`, 0 for a label that the
        training cells of the fold lack, NaN for cells in no fold; the second is `None` without a
        baseline.
    difference
        Rows `accuracy` and `macro_f1` over all scored cells together; columns `model`, `baseline`,
        `difference`, `lower`, `upper` (95% interval of the difference); `None` without a baseline.
    params
        What was asked for, the unit of the bootstrap (`resampled`), and its number of resamples.
    notes
        Fallbacks, in words.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> found = cc.tl.cross_validate(
    ...     adata,
    ...     cc.model.CellClassifierMLP,
    ...     "cell_type",
    ...     n_folds=2,
    ...     model_kwargs={"validation_size": 0.2},
    ...     train_kwargs={"max_epochs": 1},
    ... )
    >>> found.scores.index.names, len(found.scores)
    (FrozenList(['fold', 'classifier']), 4)
    >>> found.winner
    {'accuracy': 'neither', 'macro_f1': 'neither'}
    """

    scores: pd.DataFrame
    labels: pd.DataFrame
    predictions: pd.DataFrame
    probability: pd.DataFrame
    baseline_probability: pd.DataFrame | None
    difference: pd.DataFrame | None
    params: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def winner(self) -> dict[str, str]:
        """Who is ahead in `accuracy` and `macro_f1`: a classifier, or `neither`.

        One is ahead where the interval of the difference leaves out 0.
        """
        if self.difference is None:
            return {}
        model, baseline = self.params["model"], self.params["baseline"]
        return {
            name: model if row["lower"] > 0 else baseline if row["upper"] < 0 else "neither"
            for name, row in self.difference.iterrows()
        }

    @property
    def summary(self) -> str:
        """What was found, in words: scores, who won, how sure that is, and what was left out."""
        params = self.params
        held_out = "cells" if params["groups"] is None else f"whole groups of {params['groups']!r}"
        n_scored = int(self.predictions["scored"].sum())
        lines = [
            f"{params['n_folds']}-fold cross-validation, {held_out} held out; {n_scored} cells "
            f"scored, {len(self.labels)} labels.",
            *(self._line(name) for name in self.scores.index.unique("classifier")),
        ]
        if self.difference is not None:
            winner = self.winner
            lines += [_verdict(name, row, winner[name]) for name, row in self.difference.iterrows()]
            lines.append(
                f"Intervals (95%) are of a paired bootstrap over {params['resampled']}, "
                f"{params['n_resamples']} resamples."
            )
        n_novel = int((~self.predictions["scored"] & self.predictions["fold"].notna()).sum())
        if n_novel:
            lines.append(
                f"{n_novel} cells have labels that the training cells of their fold lack: nobody "
                "could name them, and they are not scored."
            )
        return "\n".join([*lines, *self.notes])

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary

    def _line(self, classifier: str) -> str:
        rows = self.scores.xs(classifier, level="classifier")
        parts = [
            f"{text} {rows[name].mean():.3f} ± {rows[name].std(ddof=1):.3f}"
            for name, text in _NAMES.items()
        ]
        error = rows["expected_calibration_error"].mean()
        return f"{classifier}: {', '.join(parts)} (mean and spread of folds), ECE {error:.3f}."


def _verdict(name: str, row: pd.Series, winner: str) -> str:
    who = "neither is ahead" if winner == "neither" else f"{winner} is ahead"
    return (
        f"Difference in {_NAMES[name]}, all cells together: {row['difference']:+.3f}, interval "
        f"{row['lower']:+.3f} to {row['upper']:+.3f}: {who}."
    )
