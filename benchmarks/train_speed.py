"""Cells per second in training: the MLP beside a hand-written loop and scvi-tools' own path.

Usage: python benchmarks/train_speed.py [--device cpu] [--repeats 5]

20,000 simulated cells with 1000 genes and 10 labels, in memory as float32; a tenth are validation
cells, which every arm answers after each epoch. Three arms train the same network (two blocks of
128 with LayerNorm, GELU and dropout 0.3) for the same number of epochs:

* cellclass: the fit of `CellClassifierMLP.train()`, through scvi-tools' runner and Lightning, with
  early stopping at its default;
* a loop by hand over tensors that stay on the device: the same loss, gene dropout, fused AdamW and
  schedule, and nothing else;
* scvi-tools' stock path: `TrainRunner`, `DataSplitter` and `ClassifierTrainingPlan` with its
  default optimiser (Adam), on an AnnData with the same cells; it drops no genes.

All in one process, after one training each that is not counted, arms taking turns; medians of the
repeats. On a processor one thread, and cells per CPU second; on a GPU, per second.
"""
# ruff: noqa: SLF001 - the fit alone is timed, which has no public name

from __future__ import annotations

import argparse
import copy
import math
import time
import warnings
from dataclasses import replace

import anndata as ad
import numpy as np
import scvi
import torch
from scvi.dataloaders import DataSplitter
from scvi.train import ClassifierTrainingPlan, TrainRunner
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

import cellclass as cc
from cellclass.model._fit import fit
from cellclass.train import ClassifierPlan, quiet_lightning
from cellclass.train._plan import parameter_groups

# Epochs by cells in a minibatch.
EPOCHS = {128: 4, 1024: 16}


def reference_model() -> cc.model.CellClassifierMLP:
    adata = cc.datasets.simulate_counts(20_000, 1000, n_labels=10)
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    return cc.model.CellClassifierMLP(adata, n_top_genes=1000, validation_size=0.1)


class Arms:
    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.model = reference_model()
        self.reference = self.model._reference
        self.X, self.codes = self.reference.inputs.X, self.reference.codes
        self.start = copy.deepcopy(self.model.module.state_dict())
        self.n_train = len(self.reference.train)
        self.scvi_data = ad.AnnData(self.X)
        self.scvi_data.obs["label"] = self.codes.astype(str)
        scvi.model.SCANVI.setup_anndata(
            self.scvi_data, labels_key="label", unlabeled_category="none"
        )
        self.manager = scvi.model.SCANVI._get_most_recent_anndata_manager(self.scvi_data)

    def cellclass(self, batch_size: int, epochs: int) -> None:
        recipe = replace(self.model._recipe, batch_size=batch_size, max_epochs=epochs)
        fit(
            self.model,
            self.reference.datamodule(batch_size=batch_size, seed=0),
            recipe,
            seed=0,
            callbacks=(),
            accelerator=self.device.type,
            devices=1,
            enable_progress_bar=False,
        )

    def loop(self, batch_size: int, epochs: int) -> None:
        module = self.model.module.to(self.device).train()
        recipe = replace(self.model._recipe, batch_size=batch_size)
        fill = torch.from_numpy(self.model.contract.fill)
        plan = ClassifierPlan(module, recipe, fill).to(self.device)  # for its gene dropout
        parts = {}
        for name in ("train", "validation"):
            rows = getattr(self.reference, name)
            codes = torch.from_numpy(self.codes[rows])
            parts[name] = torch.from_numpy(self.X[rows]).to(self.device), codes.to(self.device)
        X, codes = parts["train"]
        optimizer = torch.optim.AdamW(parameter_groups(module, recipe), fused=True)
        n_steps = epochs * -(-len(X) // batch_size)
        n_warmup = max(1, round(recipe.warmup * n_steps))
        for group in optimizer.param_groups:
            group["weight_decay"] *= min(1.0, recipe.n_steps / n_steps)
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(X)).to(self.device)
            total = torch.zeros((), device=self.device)
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                factor = (step + 1) / n_warmup
                if step >= n_warmup:
                    share = (step - n_warmup) / max(1, n_steps - n_warmup)
                    factor = 0.5 * (1 + math.cos(math.pi * share))
                for group in optimizer.param_groups:
                    group["lr"] = recipe.lr * factor
                logits = module.member_logits(plan._without_genes(X[rows]))[0]
                loss = F.cross_entropy(logits, codes[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
                step += 1
            module.eval()
            with torch.inference_mode():
                answers = [module.member_logits(x)[0] for x in parts["validation"][0].split(1024)]
                F.cross_entropy(torch.cat(answers), parts["validation"][1]).item()
            module.train()

    def scvi(self, batch_size: int, epochs: int) -> None:
        deep = copy.deepcopy(self.model.module.cpu())
        network = nn.Sequential(*deep.encoder[0], deep.head[0])
        network.logits = True
        holder = type("Holder", (), {})()
        holder.module, holder.adata, holder.history_ = network, self.scvi_data, None
        holder.is_trained_, holder.to_device = False, lambda _: None
        with quiet_lightning():
            TrainRunner(
                holder,
                ClassifierTrainingPlan(network),
                DataSplitter(
                    self.manager, train_size=0.9, validation_size=0.1, batch_size=batch_size
                ),
                max_epochs=epochs,
                accelerator=self.device.type,
                devices=1,
                check_val_every_n_epoch=1,
                enable_progress_bar=False,
            )()

    def seconds(self, arm: str, batch_size: int, epochs: int) -> float:
        self.model.module.load_state_dict(self.start)
        self.model.is_trained_ = False
        on_gpu = self.device.type == "cuda"
        clock = time.perf_counter if on_gpu else time.process_time
        start = clock()
        getattr(self, arm)(batch_size, epochs)
        if on_gpu:
            torch.cuda.synchronize()
        return clock() - start


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    arms = Arms(torch.device(given.device))
    names = ("cellclass", "loop", "scvi")
    columns = "minibatch | cellclass | by hand | scvi-tools | cellclass / by hand"
    print(f"| {columns} | cellclass / scvi-tools |\n{'|---' * 6}|")
    for batch_size, epochs in EPOCHS.items():
        for arm in names:
            arms.seconds(arm, batch_size, 1)
        found = [
            [arms.seconds(arm, batch_size, epochs) for arm in names] for _ in range(given.repeats)
        ]
        ours, loop, stock = np.median(epochs * arms.n_train / np.array(found), axis=0)
        row = f"| {batch_size} | {ours:,.0f} | {loop:,.0f} | {stock:,.0f}"
        print(f"{row} | {ours / loop:.2f} | {ours / stock:.2f} |", flush=True)


if __name__ == "__main__":
    main()
