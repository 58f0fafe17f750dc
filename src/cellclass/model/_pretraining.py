"""One pre-training of a transformer on cells without labels."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch

from cellclass.data import TokenStore, place_among, share_of
from cellclass.model._checkpoints import Checkpoints, digest_of
from cellclass.model._fit import check_precision, in_sight
from cellclass.model._processes import leave_at_exit
from cellclass.module import MaskedExpression, MaskRules, Performer, Tokens
from cellclass.train import PretrainingPlan, SafeCheckpointIO, all_alive, only_used, quiet_lightning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from lightning.pytorch import Callback

    from cellclass.contract import BoundInput

_HELD_OUT = 0.1
_MOST_HELD_OUT = 2000
_N_LOOKS = 10
_AT_ONCE = 1024  # cells, where all are read once


def tokens_of(
    performer: Performer, bound: BoundInput, cells: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield genes and values of the tokens of each cell; genes that are missing are none."""
    tokens = performer.tokens
    embedding = tokens.eval()
    for start in range(0, len(cells), _AT_ONCE):
        x = torch.from_numpy(bound.read(cells[start : start + _AT_ONCE])[:, : tokens.n_genes])
        chosen = embedding.choose_current(x.to(tokens.fill.device))
        genes, values, mask = (part.cpu().numpy() for part in chosen[:3])
        for row in range(len(x)):
            yield genes[row, mask[row]], values[row, mask[row]]


class TokenMinibatches:
    """Cells of a token store as :class:`Tokens`, in another order every epoch if shuffled.

    Of several processes, each takes its share of every shuffled minibatch, and all of the others.
    """

    def __init__(
        self,
        store: TokenStore,
        cells: np.ndarray,
        batch_size: int,
        *,
        trainer: pl.Trainer,
        seed: int | None = None,
    ) -> None:
        self.store, self.cells, self.batch_size = store, cells, batch_size
        self.trainer, self.seed = trainer, seed

    def __len__(self) -> int:
        return -(-len(self.cells) // self.batch_size)

    def __iter__(self) -> Iterator[Tokens]:
        device = self.trainer.strategy.root_device
        rng, rank, world_size = None, 0, 1
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.trainer.current_epoch])
            rank, world_size = place_among(self.trainer)
        for cells in self.store.minibatches(self.cells, self.batch_size, rng):
            own = cells[share_of(len(cells), rank, world_size)]
            genes, values, mask = (part.to(device) for part in self.store.read(own))
            yield Tokens(genes, values, mask, genes.shape[1])


def pretrain(
    performer: Performer,
    bound: BoundInput,
    cells: np.ndarray,
    rules: MaskRules,
    *,
    settings: dict[str, Any],
    max_epochs: int | None,
    n_steps: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
    checkpoint_dir: str | PathLike[str] | None,
    tokens_dir: str | PathLike[str] | None,
    seed: int,
    enable_progress_bar: bool | None,
    callbacks: Sequence[Callback] = (),
    **trainer_kwargs: Any,  # noqa: ANN401 - for Lightning
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fit tokens and encoder to tell masked tokens of cells.

    Returns
    -------
    What is known of it: cells, tokens, accuracy on held-out cells and that of the baselines; and
    its history.
    """
    store = TokenStore(tokens_of(performer, bound, cells), tokens_dir)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(store.lengths > 0))
    n_held_out = min(round(_HELD_OUT * len(order)), _MOST_HELD_OUT)
    held_out, training = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
    if len(held_out) == 0:
        raise ValueError(
            f"{len(order)} cells with expressed genes are too few to pre-train on: a tenth of them "
            "is kept aside to see what was learned. Give more cells."
        )
    n_asked = rules.mask_prob * int(store.lengths[held_out].sum())
    if n_asked < 1:
        raise ValueError(
            f"mask_prob={rules.mask_prob:g} hides {n_asked:.2g} tokens of the {len(held_out)} "
            "cells that are kept aside to see what was learned. Give a larger one, or more cells."
        )
    check_precision(trainer_kwargs)
    if max_epochs is None:
        max_epochs = max(1, round(n_steps / -(-len(training) // batch_size)))
    with (
        quiet_lightning(),
        torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))),
    ):
        torch.manual_seed(seed)
        module = MaskedExpression(performer, rules)
        usual = _count(module, store, training)
        module.set_usual(usual.of_all if usual.by_gene is None else usual.by_gene)
        plan = PretrainingPlan(module, lr=lr, weight_decay=weight_decay, seed=seed)
        callbacks = list(callbacks)
        checkpoint: Path | None = None
        plugins = list(trainer_kwargs.pop("plugins", []))
        if checkpoint_dir is not None:
            about = {
                **settings,
                "the genes": digest_of(bound.model_genes),
                "the shapes of the weights": digest_of(p.shape for p in module.parameters()),
                "the rules": digest_of(rules),
                "the tokens": store.fingerprint(),
                "the vectors of genes": _fingerprint(performer),
                "precision": trainer_kwargs.get("precision"),
                "max_epochs": max_epochs,
                "batch_size": batch_size,
                "lr": lr,
                "weight_decay": weight_decay,
            }
            checkpoints = Checkpoints(Path(checkpoint_dir), "pre-training", about)
            checkpoint = checkpoints.find()
            plugins.append(SafeCheckpointIO())
            callbacks.append(checkpoints.callback())
        usual_settings = {
            "enable_checkpointing": False,  # Lightning's own, which are pickles
            "enable_model_summary": False,
            "logger": False,
            "num_sanity_val_steps": 0,
            "use_distributed_sampler": False,  # the minibatches are shared out already
            "check_val_every_n_epoch": max(1, max_epochs // _N_LOOKS),
        }
        trainer = pl.Trainer(
            max_epochs=max_epochs,
            callbacks=callbacks,
            plugins=plugins,
            enable_progress_bar=in_sight() if enable_progress_bar is None else enable_progress_bar,
            **usual_settings | trainer_kwargs,
        )
        performer.train()
        with ExitStack() as stack:
            if trainer.world_size > 1:
                leave_at_exit()
                stack.enter_context(all_alive())
                stack.enter_context(only_used(module, partial(_some_told, module, store)))
            trainer.fit(
                plan,
                TokenMinibatches(store, training, batch_size, trainer=trainer, seed=seed),
                TokenMinibatches(store, held_out, batch_size, trainer=trainer),
                ckpt_path=checkpoint,
            )
        performer.eval()
        module.to(trainer.strategy.root_device)
        batches = TokenMinibatches(store, held_out, batch_size, trainer=trainer)
        told = _accuracy(module.eval(), _guesses(module, usual), batches)
        performer.cpu()
    about = {
        "n_cells": len(training),
        "n_held_out_cells": len(held_out),
        "n_tokens": int(store.lengths[training].sum()),
        "max_epochs": max_epochs,
        **rules._asdict(),
        **told,
    }
    return about, pd.DataFrame.from_dict(plan.rows, orient="index").rename_axis("epoch")


def _some_told(module: MaskedExpression, store: TokenStore) -> torch.Tensor:
    """Logits of masked tokens of a few cells."""
    device = module.tokens.first.device
    genes, values, mask = (part.to(device) for part in store.read(np.arange(min(2, len(store)))))
    tokens = Tokens(genes, values, mask, genes.shape[1])
    return module(*module.corrupt(tokens, torch.Generator().manual_seed(0)))


def _fingerprint(performer: Performer) -> str | None:
    """Tell given vectors of genes from others, unless training changes them."""
    tokens = performer.tokens
    if tokens.project is None or tokens.vectors.requires_grad:
        return None
    return hashlib.sha256(tokens.vectors.detach().cpu().numpy().tobytes()).hexdigest()


class _Usual(NamedTuple):
    """How often what is to be told is there in the training cells."""

    of_all: torch.Tensor
    """Each bin, or with ranks each gene, int64 `(bins,)` or `(G,)`."""
    by_gene: torch.Tensor | None
    """Each bin of each gene, int64 `(G, bins)`; `None` with ranks."""
    total: torch.Tensor
    """Sum of each gene's values, or of its quantiles, `(G,)`."""


def _count(module: MaskedExpression, store: TokenStore, cells: np.ndarray) -> _Usual:
    """Count the tokens of cells."""
    n_genes = module.tokens.n_genes
    device = module.tokens.first.device
    n_targets = n_genes if module.tells_genes else module.tokens.n_bins
    of_all = torch.zeros(n_targets, dtype=torch.int64)
    by_gene = torch.zeros(0 if module.tells_genes else n_genes * n_targets, dtype=torch.int64)
    total = torch.zeros(n_genes, dtype=torch.float64)
    for start in range(0, len(cells), _AT_ONCE):
        genes, values, mask = store.read(cells[start : start + _AT_ONCE])
        some = Tokens(genes.to(device), values.to(device), mask.to(device), genes.shape[1])
        targets, own = module.targets(some).cpu()[mask], genes[mask]
        of_all += torch.bincount(targets, minlength=n_targets)
        if not module.tells_genes:
            by_gene += torch.bincount(own * n_targets + targets, minlength=len(by_gene))
            weight = targets if module.tokens.encoding == "quantile" else values[mask]
            total += torch.bincount(own, weight.double(), minlength=n_genes)
    return _Usual(of_all, None if module.tells_genes else by_gene.view(n_genes, -1), total)


def _guesses(module: MaskedExpression, usual: _Usual) -> dict[str, torch.Tensor]:
    """Return what is told of each gene by who has seen the other cells only, int64 `(G,)` each."""
    majority = int(usual.of_all.argmax())
    guesses = {"majority": torch.full((module.tokens.n_genes,), majority)}
    if usual.by_gene is None:
        return guesses
    count = usual.by_gene.sum(dim=1)
    mean = usual.total / count.clamp(min=1)
    if module.tokens.encoding == "quantile":
        by_mean = mean.round().long()
    else:
        by_mean = module.tokens.log2_bins(mean)
    # Genes that no training cell expresses are given what is most common.
    unseen = count == 0
    guesses["gene_majority"] = torch.where(unseen, majority, usual.by_gene.argmax(dim=1))
    guesses["gene_mean"] = torch.where(unseen, majority, by_mean)
    return guesses


def _accuracy(
    module: MaskedExpression, guesses: dict[str, torch.Tensor], batches: TokenMinibatches
) -> dict[str, float]:
    """Share of masked tokens of held-out cells that are told, and by baselines."""
    right = dict.fromkeys(("model", *guesses), 0.0)
    n = 0
    with torch.inference_mode():
        for at, tokens in enumerate(batches):
            generator = torch.Generator().manual_seed(at)
            target = module.targets(tokens)
            shown, hidden, asked = module.corrupt(tokens, generator)
            told = module(shown, hidden, asked).argmax(dim=1).cpu()
            target = target[asked].cpu()
            n += len(target)
            right["model"] += float((told == target).sum())
            for name, guess in guesses.items():
                right[name] += float((guess[tokens.genes[asked].cpu()] == target).sum())
    return {f"accuracy_{name}": value / max(1, n) for name, value in right.items()}
