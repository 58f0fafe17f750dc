"""A program that several processes run: train models, write what each process has, save.

Usage: _distributed.py folder what …   (what: MLP, CNN, CellPerformer)
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

import cellclass as cc

MLP = {"validation_size": 0.2, "n_top_genes": 200, "dropout": 0.0}
# Nothing is left to chance, so that two processes can take the same steps as one; the last
# minibatch has an odd number of cells, and fewer of them in one of two processes.
MLP_TRAINING = {"max_epochs": 12, "batch_size": 59, "plan_kwargs": {"gene_dropout": 0.0}}


def model_of(what, adata):
    """Return a model that is not trained."""
    if what == "MLP":
        kind, settings = cc.model.CellClassifierMLP, MLP
    elif what == "CNN":
        kind, settings = cc.model.CellClassifierCNN, {"n_top_genes": 100}
    else:
        kind, settings = cc.model.CellPerformer, {"size": "small", "n_tokens": 50}
    kind.setup_anndata(adata, labels_key="cell_type", layer="counts")
    return kind(adata, **settings)


def arrays_of(model):
    """Weights, calibration and history by name."""
    arrays = {f"module.{k}": v.numpy() for k, v in model.module.state_dict().items()}
    arrays |= {f"trust.{k}": v for k, v in model._trust.to_arrays().items()}
    arrays["temperature"] = np.array(model._trust.temperature)
    return arrays | {
        f"history.{k}": frame[k].to_numpy(dtype=float) for k, frame in model.history.items()
    }


def run(folder, what):
    adata = cc.datasets.pbmc68k_reduced()
    model = model_of(what, adata if what == "MLP" else adata[::3].copy())
    how = {
        "accelerator": "cpu",
        "devices": 2,
        "strategy": "ddp",
        "enable_progress_bar": False,
    }
    if what == "CellPerformer":
        model.pretrain(max_epochs=1, tokens_dir=folder / "tokens", **how)
    model.train(**(MLP_TRAINING if what == "MLP" else {"max_epochs": 1}), **how)
    rank = torch.distributed.get_rank()
    np.savez(folder / f"{what}-{rank}.npz", **arrays_of(model))
    about = {"pretraining": model.card.get("pretraining"), "validation": model.card["validation"]}
    (folder / f"{what}-{rank}.json").write_text(json.dumps(about))
    model.save(folder / what)
    assert (folder / what / "model.json").exists()  # whoever goes on, it is there


if __name__ == "__main__":
    for name in sys.argv[2:]:
        run(Path(sys.argv[1]), name)
