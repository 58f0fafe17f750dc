"""How a classifier is fitted: loss, optimiser, schedule, what is logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import lightning.pytorch as pl
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from cellclass._checks import check_whole
from cellclass.train._processes import share_buffers, sum_over_processes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from cellclass.train._class_weights import ClassWeights


MOST_DROPPED = 0.7
_MANY_GENES, _MOST_STEPS = 1000, 4


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
        Of AdamW; with a cosine schedule less in proportion where there are more steps than
        `n_steps`.
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
        Steps to aim at when `max_epochs` is `None`; up to four times as many with fewer than 1000
        genes: such steps are quicker, and panels need more of them.
    early_stopping
        Whether to stop, and go back to the best weights, when validation cells are answered worse.
    gene_dropout
        Share (0–1) of the training cells of a minibatch that lose genes, as a query that lacks them
        does; each of them up to `MOST_DROPPED` of its genes.
    class_weights
        How much a cell of each label counts: `balanced`, `effective_number`, a dict from labels to
        weights, or `None` for all the same. With weights, the probabilities lean to rare labels.
    balanced_sampling
        Whether minibatches are drawn, with replacement, with as many cells of each label.
    layer_decay
        Factor (0–1] of the learning rate from each layer to the one before it, so that what was
        trained before is changed less (AdamW, transformers only).
    """

    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = 3e-3
    weight_decay: float = 2.0
    l2: float = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.1
    batch_size: int = 256
    max_epochs: int | None = None
    n_steps: int = 250
    early_stopping: bool = True
    gene_dropout: float = 0.25
    class_weights: ClassWeights | None = None
    balanced_sampling: bool = False
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        """Refuse numbers that no training can be made of."""
        for name in ("batch_size", "max_epochs", "n_steps"):
            value = getattr(self, name)
            if value is not None or name != "max_epochs":
                check_whole(value, name, 1)
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay={self.layer_decay}; above 0 and up to 1 is needed.")

    def epochs(self, n_train: int, n_genes: int) -> int:
        """Return the passes over `n_train` cells: at least two, however many cells there are."""
        if self.max_epochs is not None:
            return self.max_epochs
        n_steps = self.n_steps * min(_MOST_STEPS, max(1.0, _MANY_GENES / n_genes))
        return max(2, round(n_steps / math.ceil(n_train / self.batch_size)))


class ClassifierPlan(pl.LightningModule):
    """Fit a network by cross-entropy.

    Logs once per epoch `train_loss`, `validation_loss` (nats per cell) and `validation_accuracy`.

    What Lightning does for a step takes as long as the step of a small network. So with
    `automatic_optimization` off, what it calls a batch is to be an epoch of minibatches, and the
    steps are made here: the same ones, to the bit.

    Parameters
    ----------
    module
        Network with `forward` and `member_logits`; with `encoder` and `head` for Adam; with
        `n_parts` and `held_out_logits` where minibatches say who must not learn from a cell.
    recipe
        Settings of the fit.
    fill
        What stands for a missing gene in the input, `(G,)`; zeros by default.
    weights
        How much a cell of each label counts in the loss, `(L,)`; all the same by default.
    """

    _fill: torch.Tensor
    _weights: torch.Tensor | None

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe,
        fill: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.module: Any = module
        self.recipe = recipe
        self.register_buffer("_fill", torch.zeros(1) if fill is None else fill, persistent=False)
        self.register_buffer("_weights", weights, persistent=False)
        self._n_processes = 1
        self._factor: Callable[[int], float] | None = None  # of the learning rate at a step
        self._loss = torch.zeros(())
        self._n = 0
        self._logits: list[torch.Tensor] = []
        self._codes: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a minibatch."""
        return self.module(x)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor | None:  # noqa: ANN401, ARG002
        """Loss of one minibatch; or all steps of an epoch of them."""
        if self.automatic_optimization:
            return self._loss_of(batch)
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        step = self.current_epoch * len(batch)
        for minibatch in batch:
            optimizer.zero_grad()
            self._loss_of(minibatch).backward()
            if self._factor is not None:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * self._factor(step)
            optimizer.step()
            step += 1
        return None

    def _loss_of(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of one minibatch, which is counted."""
        labels = batch["labels"].view(-1)
        x = batch["X"]
        if self.recipe.gene_dropout > 0:
            x = self._without_genes(x)
        logits = self.module.member_logits(x)  # (M, B, L)
        every = labels.repeat(len(logits))  # (M · B,)
        loss = F.cross_entropy(logits.flatten(0, 1), every, reduction="none")
        if self._weights is not None:
            # Not `weight=`, which divides by the weights that a minibatch happens to hold.
            loss = loss * self._weights[every]
        if "held_out_by" in batch:
            learned = self._learned(batch["held_out_by"], len(logits))  # (M, B)
            shares = learned / self._each(learned.sum(dim=1, keepdim=True))
            loss = (loss.view_as(shares) * shares).sum() / len(logits)
        elif self._n_processes > 1:
            loss = loss.sum() / self._each(loss.new_tensor(len(every)))
        else:
            loss = loss.mean()
        self._loss = self._loss.to(loss.device) + loss.detach() * len(labels)
        self._n += len(labels)
        return loss * len(logits)  # no member feels how many others there are

    def _each(self, n: torch.Tensor) -> torch.Tensor:
        """Return how many cells each process has, if they had as many, one at least in all.

        Gradients are averaged over processes. So that the mean is that of all cells, each process
        divides the sum over its own by the same number.
        """
        if self._n_processes == 1:
            return n.clamp(min=1)
        return sum_over_processes(n).clamp(min=1) / self._n_processes

    def _learned(self, held_out_by: torch.Tensor, n_members: int) -> torch.Tensor:
        """Say which cells `(B, 1)` each member may learn from, `(M, B)`."""
        n_each = n_members // self.module.n_parts
        part = torch.arange(n_members, device=held_out_by.device) // n_each  # (M,)
        return (held_out_by.view(-1) != part[:, None]).float()

    def _without_genes(self, x: torch.Tensor) -> torch.Tensor:
        """Take genes from some of the cells `(B, G)`, each its own, at random."""
        n_chosen = round(self.recipe.gene_dropout * len(x))  # minibatches are in random order
        share = MOST_DROPPED * torch.rand(n_chosen, 1, device=x.device)
        # Eight genes share one random number, a byte each: a quarter of the time of one each.
        shape = (n_chosen, -(-x.shape[1] // 8))
        drawn = torch.empty(shape, dtype=torch.int64, device=x.device).random_(-(2**63), None)
        gone = drawn.view(torch.uint8)[:, : x.shape[1]] < (256 * share).to(torch.uint8)  # (b, G)
        x[:n_chosen].lerp_(self._fill.to(x), gone.to(x))
        return x

    def on_fit_start(self) -> None:
        """Note how many processes train; each draws random numbers of its own."""
        self._n_processes = self.trainer.world_size
        if self.trainer.global_rank > 0:
            torch.manual_seed(torch.initial_seed() + self.trainer.global_rank)

    def on_train_end(self) -> None:
        """End with the same network in all processes."""
        if self._n_processes > 1:
            share_buffers(self.module)

    def on_validation_epoch_start(self) -> None:
        """Forget the last look at the validation cells."""
        if self._n_processes > 1:  # all look through the same random features
            share_buffers(self.module)
        self._logits, self._codes = [], []

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:  # noqa: ARG002
        """Keep the answers of one minibatch."""
        # What is being fitted: a model may have other paths, fitted before or afterwards.
        if "held_out_by" in batch:
            kept_from = batch["held_out_by"].view(-1)
            self._logits.append(self.module.held_out_logits(batch["X"], kept_from))
        else:
            self._logits.append(self.module.member_logits(batch["X"]).mean(dim=0))
        self._codes.append(batch["labels"].view(-1))

    def on_train_epoch_end(self) -> None:
        """Log the mean loss of the epoch."""
        self._log("train_loss", self._loss / self._n, self._n)
        self._loss, self._n = torch.zeros(()), 0

    def on_validation_epoch_end(self) -> None:
        """Log loss and accuracy of the validation cells."""
        logits, codes = torch.cat(self._logits), torch.cat(self._codes)
        self._log("validation_loss", F.cross_entropy(logits, codes), len(codes))
        accuracy = (logits.argmax(dim=1) == codes).float().mean()
        self._log("validation_accuracy", accuracy, len(codes))

    @property
    def validation_outputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits `(n_obs, n_labels)` and codes `(n_obs,)` of the last look at validation cells."""
        logits, codes = torch.cat(self._logits), torch.cat(self._codes)
        return logits.float().cpu().numpy(), codes.cpu().numpy()

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning takes many kinds
        """Build the optimiser, and the schedule over all steps."""
        recipe = self.recipe
        if recipe.optimizer == "adamw":
            groups = parameter_groups(self.module, recipe)
            optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, fused=True)
        else:
            # The gradient of l2 · Σ w² is 2 · l2 · w, which is Adam's coupled weight decay.
            networks = list(getattr(self.module, "parts", [self.module]))
            encoders = [p for network in networks for p in network.encoder.parameters()]
            among = {id(p) for p in encoders}
            others = [p for network in networks for p in network.parameters() if id(p) not in among]
            groups = [
                {"params": _trained(encoders), "weight_decay": 2 * recipe.l2},
                {"params": _trained(others), "weight_decay": 0.0},
            ]
            optimizer = torch.optim.Adam(groups, lr=recipe.lr, fused=True)
        if recipe.schedule == "constant":
            return {"optimizer": optimizer}
        n_steps = int(self.trainer.estimated_stepping_batches)
        if not self.automatic_optimization:
            n_steps *= len(self.trainer.train_dataloader.minibatches)  # type: ignore[union-attr]
        n_warmup = max(1, round(recipe.warmup * n_steps))
        for group in optimizer.param_groups:  # a longer training shrinks the weights no further
            group["weight_decay"] *= min(1.0, recipe.n_steps / n_steps)

        def factor(step: int) -> float:
            if step < n_warmup:
                return (step + 1) / n_warmup
            return 0.5 * (1 + math.cos(math.pi * (step - n_warmup) / max(1, n_steps - n_warmup)))

        if not self.automatic_optimization:
            self._factor = factor
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
            return {"optimizer": optimizer}
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _log(self, name: str, value: torch.Tensor, n: int) -> None:
        self.log(name, value, batch_size=n, prog_bar=True, sync_dist=self._n_processes > 1)


def _trained(parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.requires_grad]


def parameter_groups(module: Any, recipe: Recipe) -> list[dict[str, Any]]:  # noqa: ANN401
    """Part what is trained by learning rate and weight decay, which vectors have none of."""
    if recipe.layer_decay < 1 and not hasattr(module, "layer_of"):
        raise ValueError(
            f"layer_decay={recipe.layer_decay} is for transformers: this network has no layers one "
            "after the other. Leave it at 1."
        )
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        lr = recipe.lr
        if recipe.layer_decay < 1:
            lr *= recipe.layer_decay ** (module.n_layers - 1 - module.layer_of(name))
        weight_decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((lr, weight_decay), []).append(parameter)
    return [
        {"params": parameters, "lr": lr, "weight_decay": weight_decay}
        for (lr, weight_decay), parameters in groups.items()
    ]
