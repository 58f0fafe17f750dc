"""What a search among settings found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tuning:
    """Settings that were tried, and the best of them.

    Attributes
    ----------
    best
        `model_kwargs` and `train_kwargs` of the best settings: make and train a model with them, or
        pass them on, ``cc.tl.cross_validate(adata, model_cls, labels_key, **tuning.best)``.
    trials
        One row for each training: `trial` (0 is the model as it is), `rung`, `share` of a whole
        training (0–1), `log_loss` (nats per cell), `accuracy`, `balanced_accuracy`, `macro_f1`,
        `expected_calibration_error` (0–1), `epochs`, `seconds`, and one column for each setting.
    settings
        The settings of the best trial; empty if that is the model as it is.
    params
        What was asked for.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> tuning = cc.tl.tune(
    ...     adata,
    ...     cc.model.CellClassifierMLP,
    ...     "cell_type",
    ...     search_space={"lr": [1e-3, 1e-2]},
    ...     n_trials=2,
    ...     backend="local",
    ...     model_kwargs={"validation_size": 0.2},
    ...     train_kwargs={"max_epochs": 1},
    ... )
    >>> sorted(tuning.best)
    ['model_kwargs', 'train_kwargs']
    """

    best: dict[str, dict[str, Any]]
    trials: pd.DataFrame
    settings: dict[str, Any]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What was found, in words."""
        metric = self.params["metric"]
        last = self.trials[self.trials["rung"] == self.trials["rung"].max()].set_index("trial")
        chosen = last.loc[self.params["best_trial"]]
        plain = last.loc[0]
        head = (
            f"{self.trials['trial'].nunique()} settings in {len(self.trials)} trainings "
            f"({self.params['backend']}), judged by {metric} on {self.params['n_held_out']} "
            "held-out cells."
        )
        if not self.settings:
            return f"{head} None was better than the model as it is ({metric} {plain[metric]:.4f})."
        what = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return (
            f"{head} Best: {what}. {metric} {chosen[metric]:.4f}, against {plain[metric]:.4f} of "
            f"the model as it is; accuracy {chosen['accuracy']:.3f} against "
            f"{plain['accuracy']:.3f}, macro-F1 {chosen['macro_f1']:.3f} against "
            f"{plain['macro_f1']:.3f}. The best of many looks better than it is: test it on cells "
            "that had no part in this."
        )

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary
