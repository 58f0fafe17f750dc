"""How a classifier is fitted: loss, optimiser, schedule, what is logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import lightning.pytorch as pl
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it


@dataclass(frozen=True)
class Recipe:
    """Settings of a fit.

    Attributes
    ----------
    optimizer
        `adamw`: weight decay apart from the gradient, on matrices only. `adam`: Adam without.
    lr
        Highest learning rate.
    weight_decay
        Of AdamW.
    l2
        Factor of the sum of squares of the encoder's weights and biases in the loss (Adam only).
    schedule
        `cosine`: linear warm-up, then a cosine down to zero. `constant`: none.
    warmup
        Share (0–1) of the steps that warm up.
    batch_size
        Cells in a minibatch.
    max_epochs
        Passes over the training cells; `None` for as many as make `n_steps`.
    n_steps
        Steps to aim at when `max_epochs` is `None`.
    early_stopping
        Whether to stop, and go back to the best weights, when the validation loss rises.
    """

    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = 2e-3
    weight_decay: float = 0.05
    l2: float = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.1
    batch_size: int = 128
    max_epochs: int | None = None
    n_steps: int = 400
    early_stopping: bool = True

    def epochs(self, n_train: int) -> int:
        """Passes over `n_train` cells; at least two, however many cells there are."""
        if self.max_epochs is not None:
            return self.max_epochs
        return max(2, round(self.n_steps / math.ceil(n_train / self.batch_size)))


class ClassifierPlan(pl.LightningModule):
    """Fit a network by cross-entropy.

    Logs once per epoch `train_loss`, `validation_loss` (nats per cell) and `validation_accuracy`.

    Parameters
    ----------
    module
        Network with `forward`, `encoder` and `head`.
    recipe
        Settings of the fit.
    """

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.module = module
        self.recipe = recipe
        self._sums: dict[str, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a minibatch."""
        return self.module(x)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:  # noqa: ARG002
        """Loss of one minibatch."""
        labels = batch["labels"].view(-1)
        loss = F.cross_entropy(self(batch["X"]), labels)
        self._add("train", loss=loss.detach() * len(labels), n=len(labels))
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:  # noqa: ARG002
        """Sum up loss and hits of one minibatch."""
        labels = batch["labels"].view(-1)
        logits = self(batch["X"])
        self._add(
            "validation",
            loss=F.cross_entropy(logits, labels, reduction="sum"),
            accuracy=(logits.argmax(dim=1) == labels).sum(),
            n=len(labels),
        )

    def on_train_epoch_end(self) -> None:
        """Log the training loss."""
        self._log_means("train")

    def on_validation_epoch_end(self) -> None:
        """Log the validation loss and accuracy."""
        self._log_means("validation")

    def configure_optimizers(self) -> dict:
        """Build the optimiser, and the schedule over all steps."""
        recipe = self.recipe
        if recipe.optimizer == "adamw":
            parameters = list(self.module.parameters())
            groups = [
                {"params": [p for p in parameters if p.ndim > 1]},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ]
            optimizer = torch.optim.AdamW(
                groups, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
            )
        else:
            # The gradient of l2 · Σ w² is 2 · l2 · w, which is Adam's coupled weight decay.
            groups = [
                {"params": list(self.module.encoder.parameters()), "weight_decay": 2 * recipe.l2},
                {"params": list(self.module.head.parameters()), "weight_decay": 0.0},
            ]
            optimizer = torch.optim.Adam(groups, lr=recipe.lr, fused=True)
        if recipe.schedule == "constant":
            return {"optimizer": optimizer}
        n_steps = int(self.trainer.estimated_stepping_batches)
        n_warmup = max(1, round(recipe.warmup * n_steps))

        def factor(step: int) -> float:
            if step < n_warmup:
                return (step + 1) / n_warmup
            return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(1, n_steps - n_warmup)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _add(self, part: str, **values: torch.Tensor | float) -> None:
        for name, value in values.items():
            key = f"{part}_{name}"
            self._sums[key] = self._sums.get(key, 0) + value  # type: ignore[operator]

    def _log_means(self, part: str) -> None:
        n = self._sums.pop(f"{part}_n", 0)
        for key in [key for key in self._sums if key.startswith(f"{part}_")]:
            value = torch.as_tensor(self._sums.pop(key) / n, dtype=torch.float32)
            self.log(
                key, value, batch_size=n, prog_bar=True, sync_dist=self.trainer.world_size > 1
            )
