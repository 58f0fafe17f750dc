"""How a transformer is pre-trained on cells without labels."""

from __future__ import annotations

import math
from typing import Any

import lightning.pytorch as pl
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from cellclass.train._processes import share_buffers, sum_over_processes

_WARMUP = 0.1


class PretrainingPlan(pl.LightningModule):
    """Fit a network to tell masked tokens, by cross-entropy.

    Logs once per epoch `pretrain_loss` and `pretrain_validation_loss` (nats per token) and
    `pretrain_validation_accuracy`. Random numbers of an epoch depend on the seed and the epoch
    alone, so that a training that goes on from a checkpoint is the one that was interrupted.

    Parameters
    ----------
    module
        Network with `corrupt`, `targets`, a head for masked tokens and `encoder.begin_step`.
    lr, weight_decay
        Of AdamW; the rate warms up and then falls along a cosine.
    seed
        Of masks and of what is dropped out.

    Attributes
    ----------
    rows
        What was logged, by epoch.
    """

    def __init__(
        self,
        module: Any,  # noqa: ANN401 - a network, of the floor beside this one
        *,
        lr: float,
        weight_decay: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.module: Any = module
        self.lr, self.weight_decay, self.seed = lr, weight_decay, seed
        self.rows: dict[int, dict[str, float]] = {}
        self._loss, self._n = torch.zeros(()), 0
        self._seen: list[torch.Tensor] = []

    def on_train_epoch_start(self) -> None:
        """Begin the epoch with its own random numbers."""
        rank = self.trainer.global_rank  # each process hides tokens of its own cells
        own = (self.seed, self.current_epoch, rank) if rank else (self.seed, self.current_epoch)
        torch.manual_seed(hash(own) % 2**63)

    def training_step(self, batch: tuple, batch_idx: int) -> torch.Tensor:  # noqa: ARG002
        """Loss of one minibatch."""
        self.module.encoder.begin_step()
        logits, targets = self._told(batch, None)
        loss = F.cross_entropy(logits, targets, reduction="sum")
        self._loss = self._loss.to(loss.device) + loss.detach()
        self._n += len(targets)
        n_each: torch.Tensor | float = max(1, len(targets))
        if self.trainer.world_size > 1:  # gradients are averaged over processes
            n = sum_over_processes(loss.new_tensor(len(targets)))
            n_each = n.clamp(min=1) / self.trainer.world_size
        return loss / n_each

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of the epoch."""
        loss, n = self._loss, torch.tensor(float(self._n), device=self._loss.device)
        if self.trainer.world_size > 1:
            loss, n = sum_over_processes(torch.stack([loss, n]))
        self._note("pretrain_loss", loss / n.clamp(min=1))
        self._loss, self._n = torch.zeros(()), 0

    def on_train_end(self) -> None:
        """End with the same network in all processes."""
        if self.trainer.world_size > 1:
            share_buffers(self.module)

    def on_validation_epoch_start(self) -> None:
        """Forget the last look at the validation cells."""
        if self.trainer.world_size > 1:  # all look through the same random features
            share_buffers(self.module)
        self._seen = []

    def validation_step(self, batch: tuple, batch_idx: int) -> None:
        """Keep what was told of one minibatch, the same tokens every time."""
        generator = torch.Generator().manual_seed(batch_idx)
        logits, targets = self._told(batch, generator)
        loss = F.cross_entropy(logits, targets, reduction="none")
        right = (logits.argmax(dim=1) == targets).float()
        self._seen.append(torch.stack([loss, right]))

    def on_validation_epoch_end(self) -> None:
        """Log loss and accuracy of the validation cells."""
        loss, accuracy = torch.cat(self._seen, dim=1).mean(dim=1)
        self._note("pretrain_validation_loss", loss)
        self._note("pretrain_validation_accuracy", accuracy)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was logged so far with the weights."""
        checkpoint["rows"] = self.rows

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what was logged before."""
        self.rows = checkpoint["rows"]

    def _note(self, name: str, value: torch.Tensor) -> None:
        self.log(name, value, prog_bar=True, sync_dist=self.trainer.world_size > 1)
        self.rows.setdefault(self.current_epoch, {})[name] = float(value)

    def _told(
        self, tokens: tuple, generator: torch.Generator | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        targets = self.module.targets(tokens)
        seen, hidden, asked = self.module.corrupt(tokens, generator)
        return self.module(seen, hidden, asked), targets[asked]

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning takes many kinds
        """Build the optimiser, and the schedule over all steps."""
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.lr, fused=True)
        n_steps = int(self.trainer.estimated_stepping_batches)
        n_warmup = max(1, round(_WARMUP * n_steps))

        def factor(step: int) -> float:
            if step < n_warmup:
                return (step + 1) / n_warmup
            return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(1, n_steps - n_warmup)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
