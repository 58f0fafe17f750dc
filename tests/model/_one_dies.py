"""A program of two processes, the second of which is killed in the third epoch.

Usage: _one_dies.py folder [on]   (with `on` it goes on, and nobody is killed)
"""

import os
import signal
import sys
from pathlib import Path

import lightning.pytorch as pl
import torch

import cellclass as cc


class Kill(pl.Callback):
    """As the system does where memory ran out."""

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 2 and torch.distributed.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Count(pl.Callback):
    """How many epochs there were in this program."""

    n_epochs = 0

    def on_train_epoch_end(self, trainer, pl_module):
        self.n_epochs += 1


if __name__ == "__main__":
    count = Count()
    folder = Path(sys.argv[1])
    goes_on = "on" in sys.argv
    adata = cc.datasets.pbmc68k_reduced()
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    model = cc.model.CellClassifierMLP(adata, validation_size=0.2, n_top_genes=50)
    model.train(
        max_epochs=9,
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        enable_progress_bar=False,
        callbacks=[count] if goes_on else [Kill()],
        plan_kwargs={"early_stopping": False},
        checkpoint_dir=folder / "checkpoints",
        resume=goes_on,
    )
    assert len(model.history["train_loss"]) == 9
    assert count.n_epochs == 7  # the third was not over when a checkpoint was written last
