"""Callbacks of a training."""

from __future__ import annotations

import math

import lightning.pytorch as pl
import torch


class KeepBestWeights(pl.Callback):
    """End the training with the weights that had the best validation loss.

    Parameters
    ----------
    monitor
        The metric that should be small.
    """

    def __init__(self, monitor: str = "validation_loss") -> None:
        self.monitor = monitor
        self.best = math.inf
        self._weights: dict[str, torch.Tensor] | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the weights when they are the best so far."""
        value = trainer.callback_metrics.get(self.monitor)
        if value is not None and float(value) < self.best:
            self.best = float(value)
            weights = pl_module.module.state_dict()
            self._weights = {name: tensor.detach().clone() for name, tensor in weights.items()}

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Put the best weights back."""
        if self._weights is not None:
            pl_module.module.load_state_dict(self._weights)
            self._weights = None
