"""Callbacks of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import numpy as np

from cellclass.metrics import fit_temperature, softmax
from cellclass.train._processes import of_first_process

if TYPE_CHECKING:
    import torch


class StopWhenWorse(pl.Callback):
    """Stop when the validation cells are answered worse than before, and go back.

    Cross-entropy rises as soon as a network grows too sure, long before its labels get worse, and
    a temperature mends that afterwards. So the loss is taken after a temperature was fitted, cell
    by cell, and "worse" means: by more than two standard errors of the paired difference to the
    best look so far. Small validation sets then do not stop a training by chance, which costs
    more than it saves: weights from before the learning rate has fallen are worse ones.

    Parameters
    ----------
    patience
        Stop after so many looks in a row that were worse.
    """

    def __init__(self, patience: int = 5) -> None:
        self.patience = patience
        self._n_worse = 0
        self._best: np.ndarray | None = None
        self._weights: dict[str, torch.Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:  # noqa: ANN401
        """Compare this look with the best one."""
        loss = of_first_process(trainer, _calibrated_loss(*pl_module.validation_outputs))
        if self._best is None or loss.mean() < self._best.mean():
            self._best = loss
            weights = pl_module.module.state_dict()
            self._weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
        difference = loss - self._best
        error = difference.std() / np.sqrt(len(difference))
        self._n_worse = self._n_worse + 1 if difference.mean() > 2 * error else 0
        if self._n_worse >= self.patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint is to hold: the best look so far, and its weights."""
        return {"n_worse": self._n_worse, "best": self._best, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._n_worse, self._best = state_dict["n_worse"], state_dict["best"]
        self._weights = state_dict["weights"]

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Put the best weights back if the last ones are worse."""
        if self._n_worse:
            pl_module.module.load_state_dict(self._weights)


def _calibrated_loss(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Cross-entropy of each cell (nats) after the best temperature."""
    probability = softmax(logits, temperature=fit_temperature(logits, codes))
    own = probability[np.arange(len(codes)), codes]
    return -np.log(np.maximum(own, np.finfo(np.float64).tiny))
