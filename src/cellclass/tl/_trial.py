"""One trial of a search: a model with given settings, judged on held-out cells."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.metrics import classification_scores, expected_calibration_error
from cellclass.tl._fresh_model import fresh_model
from cellclass.tl._search_space import as_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Task:
    """What every trial of a search has in common.

    Attributes
    ----------
    model_cls
        Class of models.
    reference
        Cells to make and train models on.
    held_out
        Cells to judge them on, all of labels that the reference has.
    truth
        Their labels, `(n_obs,)`.
    labels_key, batch_key
        Columns of `reference.obs`.
    model_kwargs, train_kwargs
        What is not searched.
    previous_layer
        Layer with an earlier time point; `None` for none.
    """

    model_cls: Any
    reference: AnnData
    held_out: AnnData
    truth: np.ndarray
    labels_key: str
    batch_key: str | None
    model_kwargs: Mapping[str, Any]
    train_kwargs: Mapping[str, Any]
    previous_layer: str | None = None

    def run(self, settings: Mapping[str, Any], share: float) -> dict[str, float]:
        """Train with a share (0–1) of the epochs, and score."""
        model_kwargs, train_kwargs = as_arguments(
            settings, self.model_cls, self.model_kwargs, self.train_kwargs
        )
        start = time.perf_counter()
        with fresh_model(
            self.model_cls,
            self.reference,
            labels_key=self.labels_key,
            batch_key=self.batch_key,
            previous_layer=self.previous_layer,
            model_kwargs=model_kwargs,
            train_kwargs=lambda model: (
                train_kwargs | {"max_epochs": _epochs(model, train_kwargs, share)}
            ),
        ) as model:
            seconds = time.perf_counter() - start
            epochs = len(model.history["train_loss"])
            found = model.score_cells(self.held_out)
        predicted = np.asarray(found.labels)[found.codes]
        column = {label: place for place, label in enumerate(found.labels)}
        own = found.probability[np.arange(len(self.truth)), [column[x] for x in self.truth]]
        return {
            "log_loss": float(-np.log(np.maximum(own.astype(np.float64), _TINY)).mean()),
            **classification_scores(self.truth, predicted),
            "expected_calibration_error": expected_calibration_error(
                found.confidence.clip(0, 1), predicted == self.truth
            ),
            "epochs": epochs,
            "seconds": seconds,
        }


def _epochs(model: Any, train_kwargs: Mapping[str, Any], share: float) -> int:  # noqa: ANN401
    """Return a share of the epochs that a whole training has."""
    changes = dict(train_kwargs.get("plan_kwargs") or {})
    changes |= {k: v for k in ("max_epochs", "batch_size") if (v := train_kwargs.get(k))}
    recipe = replace(model._recipe, **changes)  # noqa: SLF001
    reference = model._reference  # noqa: SLF001
    return max(1, round(share * recipe.epochs(len(reference.train), reference.n_inputs)))
