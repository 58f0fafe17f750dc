"""One training: scvi-tools' runner around Lightning, without their remarks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from scvi.train import TrainRunner
from scvi.train._logger import SimpleLogger

from cellclass._checks import check_whole
from cellclass.data import GivenDataModule
from cellclass.model._checkpoints import Checkpoints, digest_of_weights, what_is_trained
from cellclass.model._processes import leave_at_exit
from cellclass.train import (
    ClassifierPlan,
    Recipe,
    SafeCheckpointIO,
    StopWhenWorse,
    all_alive,
    class_weights,
    of_first_process,
    only_used,
    quiet_lightning,
    threads_for_step,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from lightning.pytorch import Callback, LightningDataModule

    from cellclass.data import DataModule
    from cellclass.model._base import CellClassifier

# The validation cells are looked at about this often in a training, and the training stops when
# they were answered worse this many times in a row.
_N_LOOKS = 10
_PATIENCE = 3
# Settings of Lightning that have no bearing on single steps. Not `precision`: autocast keeps what
# it has made of the weights until its context ends, and steps inside one would be blind.
_OF_NO_STEP = {"accelerator", "devices", "check_val_every_n_epoch", "default_root_dir"}


class Resuming(NamedTuple):
    """What `train` was told of checkpoints."""

    checkpoint_dir: str | PathLike[str] | None = None
    checkpoint_every: int = 1
    resume: bool = False

    def check(self) -> None:
        """Refuse what cannot be done."""
        check_whole(self.checkpoint_every, "checkpoint_every", 1)
        if self.checkpoint_dir is None and self.resume:
            raise ValueError(
                "resume=True goes on from a checkpoint: say in which folder it is, checkpoint_dir=…"
            )


def asked_recipe(
    recipe: Recipe, plan_kwargs: Mapping[str, Any] | None, **given: float | bool | None
) -> Recipe:
    """Return a recipe with what the caller asked for; a `None` of `given` changes nothing."""
    unknown = set(plan_kwargs or {}) - set(vars(recipe))
    if unknown:
        raise ValueError(
            f"plan_kwargs: {', '.join(sorted(unknown))} is not one of {', '.join(vars(recipe))}."
        )
    recipe = replace(recipe, **(plan_kwargs or {}))
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(recipe, **said)


def data_of_training(
    model: CellClassifier, given: LightningDataModule | None, recipe: Recipe
) -> DataModule:
    """Return the cells to train on: those of the reference, or those that are given."""
    reference: Any = model._reference  # noqa: SLF001 - of this package
    if given is None:
        return reference.datamodule(batch_size=recipe.batch_size, seed=model._seed)  # noqa: SLF001
    if reference.n_parts > 1:
        raise ValueError(
            f"datamodule= trains one network, and this model has {reference.n_parts}, each of "
            "which leaves out cells of the reference. Make it with validation_size=0.1."
        )
    if recipe.balanced_sampling:
        raise ValueError(
            "balanced_sampling draws cells of the reference; how those of a datamodule are "
            "drawn is up to it. Leave balanced_sampling out, or use class_weights."
        )
    genes = list(model.contract.model_genes)
    earlier = model.contract.n_inputs > len(genes)
    return GivenDataModule(given, genes * 2 if earlier else genes)


def fit(
    model: CellClassifier,
    datamodule: DataModule,
    recipe: Recipe,
    *,
    seed: int,
    callbacks: Sequence[Callback],
    enable_progress_bar: bool | None,
    resuming: Resuming,
    **kwargs: Any,  # noqa: ANN401 - for the runner and Lightning
) -> None:
    """Fit the model's network; torch's own random state is left as it was.

    Several processes take the same steps as one: minibatches are shared out among them, and all
    have the same weights and history afterwards.
    """
    refused = [name for name in kwargs if name.startswith("early_stopping_")]
    if refused:
        raise TypeError(
            f"train() got {refused[0]}: early stopping is on or off here (early_stopping=…). For "
            "another rule, pass early_stopping=False and a callback of Lightning's."
        )
    check_precision(kwargs)
    resuming.check()
    # Whoever watches or changes single steps needs those of Lightning, which take longer.
    steps_in_sight = bool(callbacks) or not set(kwargs) <= _OF_NO_STEP
    callbacks = list(callbacks)  # scvi-tools adds its own to the list that it is given
    if recipe.early_stopping and datamodule.n_val:
        callbacks.append(StopWhenWorse(_PATIENCE))
    max_epochs = recipe.epochs(datamodule.n_train, datamodule.n_vars)
    kept = _Kept()
    if resuming.checkpoint_dir is not None:
        kept = _keep_checkpoints(
            model, datamodule, recipe, resuming, max_epochs, watched=steps_in_sight, kwargs=kwargs
        )
        callbacks.append(kept.callback)
    datamodule.balanced = recipe.balanced_sampling
    weights = None
    if recipe.class_weights is not None:
        weights = class_weights(recipe.class_weights, datamodule.train_codes, model.labels)
    settings = {
        "check_val_every_n_epoch": max(1, max_epochs // _N_LOOKS),
        "log_every_n_steps": 1,  # nothing is logged before an epoch ends
        "enable_progress_bar": in_sight() if enable_progress_bar is None else enable_progress_bar,
        "use_distributed_sampler": False,  # the minibatches are shared out already
        "logger": SimpleLogger(),  # that of scvi-tools for several processes writes a pickle
    }
    if kept.goes_on_from is not None:
        settings["ckpt_path"] = kept.goes_on_from
    if not datamodule.n_val:
        settings["limit_val_batches"] = 0
    module, fill = model.module, torch.from_numpy(model.contract.fill)
    module.train()  # scvi-tools leaves it in evaluation mode, where nothing is dropped out
    with (
        quiet_lightning(),
        torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))),
        threads_for_step(model.n_multiplied, recipe.batch_size),
    ):
        torch.manual_seed(seed)
        plan = ClassifierPlan(
            module,
            recipe,
            fill,
            None if weights is None else torch.from_numpy(weights),
        )
        runner = TrainRunner(
            model,
            training_plan=plan,
            data_splitter=datamodule,
            max_epochs=max_epochs,
            callbacks=callbacks,
            **{**settings, **kwargs},
        )
        trainer = runner.trainer
        model.trainer = trainer  # by which others can tell how far it is
        if trainer.world_size == 1:
            plan.automatic_optimization = steps_in_sight
            datamodule.epoch_at_once = not steps_in_sight
            runner()
            return
        leave_at_exit()
        some = (fill + 1)[None].to(next(module.parameters()).device)  # a cell with every gene
        with all_alive(), only_used(module, lambda: module.member_logits(some)):
            runner()
        model.history_ = of_first_process(trainer, model.history_)
        model.to_device(trainer.strategy.root_device)  # scvi-tools brings all to the first device


class _Kept(NamedTuple):
    """What writes checkpoints, and the one to go on from."""

    callback: Any = None
    goes_on_from: str | None = None


def _keep_checkpoints(
    model: CellClassifier,
    datamodule: DataModule,
    recipe: Recipe,
    resuming: Resuming,
    max_epochs: int,
    *,
    watched: bool,
    kwargs: dict[str, Any],
) -> _Kept:
    """Say where checkpoints go, and which one to go on from."""
    if kwargs.get("max_steps", -1) != -1:
        raise ValueError(
            "max_steps counts steps, and checkpoints lie between epochs. Give max_epochs instead."
        )
    checkpoints = Checkpoints(
        Path(resuming.checkpoint_dir or ""), "training", every=resuming.checkpoint_every
    )
    there = checkpoints.file.exists()
    # A training that was interrupted in this session has left other weights than it began with.
    if model._began is None or not (resuming.resume and there):  # noqa: SLF001 - ours
        before = digest_of_weights(model.module), dict(model.history_ or {})
        model._began = before  # noqa: SLF001
    began_with, model.history_ = model._began[0], dict(model._began[1])  # noqa: SLF001
    about = what_is_trained(model, datamodule, recipe) | {
        "the weights to begin with": began_with,
        "max_epochs": max_epochs,
        "precision": kwargs.get("precision"),
        "callbacks, or settings of Lightning": watched,
    }
    checkpoints = replace(checkpoints, about=about)
    goes_on_from = None
    if resuming.resume:
        goes_on_from = checkpoints.find()
    else:
        checkpoints.check_free()
    kwargs["plugins"] = [*kwargs.get("plugins", []), SafeCheckpointIO()]
    return _Kept(checkpoints.callback(), None if goes_on_from is None else str(goes_on_from))


def check_precision(settings: dict[str, Any]) -> None:
    """Refuse a precision that turns the weights themselves, which stay so after the training."""
    precision = str(settings.get("precision", ""))
    if precision in ("64", "64-true", "bf16-true", "16-true"):
        raise ValueError(
            f"precision={precision!r} turns the weights into another type. Give 'bf16-mixed', "
            "which multiplies in it and keeps the weights in float32."
        )


def in_sight() -> bool:
    """Whether somebody watches: a terminal or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
