"""A training that is interrupted, and goes on from its last checkpoint as if it had not been."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeGuard

import lightning.pytorch as pl
import numpy as np
import torch
from scvi.train._logger import SimpleLogger

if TYPE_CHECKING:
    from pathlib import Path

#: What a checkpoint of ours holds beside what Lightning puts there.
OURS = "cellclass"


class KeepCheckpoint(pl.Callback):
    """Write a checkpoint between epochs, and go on from one.

    Lightning keeps weights, optimiser, schedule, callbacks and datamodule. This adds the random
    numbers that are drawn next and what was logged. It has to be the last callback, so that a
    checkpoint holds what the others did.

    Parameters
    ----------
    path
        The file, which is replaced each time: before the first epoch, every so many epochs, and
        when the training is over.
    about
        What tells the training from others; it is kept in the checkpoint.
    every
        How many epochs lie between two checkpoints.
    """

    def __init__(self, path: Path, about: dict[str, Any], *, every: int = 1) -> None:
        self.path, self.about, self.every = path, about, every
        self._saves = self._is_over = False
        self._goes_on: dict[str, Any] | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a checkpoint if it is time, or draw on as the training that was interrupted."""
        goes_on, self._goes_on = self._goes_on, None
        if goes_on is not None:
            set_random_state(goes_on, pl_module.device, trainer.global_rank)
        elif trainer.current_epoch % self.every == 0:
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write the weights that are kept."""
        self._is_over = True
        self._save(trainer)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what is ours; checkpoints that others write stay as they are."""
        if not self._saves:
            return
        # The epoch that is about to begin has not, for one who goes on from here.
        for progress in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
            progress |= dict.fromkeys(progress, progress["processed"])
        logger = trainer.logger
        logged = logger.history if _is_ours(logger) and trainer.is_global_zero else {}
        checkpoint[OURS] = {
            "about": self.about,
            "epoch": trainer.current_epoch,
            "is_over": self._is_over,
            "random": random_state(pl_module.device),
            "logged": {
                name: [frame.index.tolist(), frame[name].tolist()] for name, frame in logged.items()
            },
        }

    def on_load_checkpoint(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002 - Lightning's
        checkpoint: dict[str, Any],
    ) -> None:
        """Take up what was logged; the random numbers are taken up when the first epoch begins."""
        kept = checkpoint[OURS]
        self._goes_on = kept["random"]
        trainer.should_stop = kept["is_over"]
        logger = trainer.logger
        if _is_ours(logger):
            for name, (epochs, values) in kept["logged"].items():
                for epoch, value in zip(epochs, values, strict=True):
                    logger.log_metrics({name: value, "epoch": epoch}, epoch)

    def _save(self, trainer: pl.Trainer) -> None:
        self._saves = True
        try:
            trainer.save_checkpoint(self.path)
        finally:
            self._saves = False


def _is_ours(logger: object) -> TypeGuard[SimpleLogger]:
    return isinstance(logger, SimpleLogger)


def random_state(device: torch.device) -> dict[str, Any]:
    """Return what is drawn next: by torch, here and on the device, by numpy and by Python."""
    legacy: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - others may draw from it
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "numpy": legacy | {"state": legacy["state"] | {"key": legacy["state"]["key"].tolist()}},
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any], device: torch.device, rank: int) -> None:
    """Draw on from a state; of several processes, those after the first draw numbers of their own.

    Parameters
    ----------
    state
        What `random_state` returned, in the first process.
    device
        Where the network is.
    rank
        Which process this is, from 0.
    """
    torch.set_rng_state(state["torch"])
    if rank:
        torch.manual_seed(int(torch.randint(2**62, ())) + rank)
        return
    if state["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
    key = np.asarray(state["numpy"]["state"]["key"], dtype=np.uint32)
    inner = state["numpy"]["state"] | {"key": key}
    np.random.set_state(state["numpy"] | {"state": inner})  # noqa: NPY002
    random.setstate(state["python"])
