"""One process and two: the same model, on a processor with gloo.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/ddp.py [dataset …]

Four fifths of the cells are trained on and one fifth is answered. Each run is a script of its own
that calls `train(devices=n, strategy="ddp")`, one thread for each process. "MLP" is the default
recipe; "MLP, nothing dropped" leaves out what is drawn at random in training (dropout, genes), so
that both take the same steps. Seconds are those of `train()`, with what follows the fit; weights
are compared after it, the largest difference between the processes of a run and, for the second
arm, to the one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _data import folds, read
from sklearn.metrics import f1_score

DATASETS = ("pbmc_kang_8donors", "pbmc_zheng_facs")
ARMS = {
    "MLP": ({}, {}),
    "MLP, nothing dropped": ({"dropout": 0.0}, {"plan_kwargs": {"gene_dropout": 0.0}}),
}


def one_process(dataset: str, arm: str, n_processes: int, folder: Path) -> None:
    import torch

    import cellclass as cc

    torch.set_num_threads(1)
    adata = read(dataset)
    train, test = next(folds(adata, None))
    reference, query = adata[train].copy(), adata[test].copy()
    settings, training = ARMS[arm]
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, **settings)
    how = {} if n_processes == 1 else {"devices": n_processes, "strategy": "ddp"}
    start = time.perf_counter()
    model.train(accelerator="cpu", enable_progress_bar=False, **how, **training)
    seconds = time.perf_counter() - start
    truth = query.obs["cell_type"].astype(str).to_numpy()
    answers = model.predict(query)
    scores = [np.mean(answers == truth), f1_score(truth, answers, average="macro"), seconds]
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    weights = {name: p.numpy() for name, p in model.module.state_dict().items()}
    np.savez(folder / f"{rank}.npz", scores=scores, **{f"w.{k}": v for k, v in weights.items()})


def difference(one: dict, other: dict) -> float:
    return max(np.abs(one[k] - other[k]).max() for k in one if k.startswith("w."))


def main() -> None:
    columns = "dataset | arm | processes | accuracy | macro-F1 | s"
    print(f"| {columns} | between processes | to one process |\n{'|---' * 8}|")
    for dataset in sys.argv[1:] or DATASETS:
        for arm in ARMS:
            alone = None
            for n_processes in (1, 2):
                with tempfile.TemporaryDirectory() as name:
                    command = [sys.executable, __file__, "--one", dataset, arm, str(n_processes)]
                    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                    subprocess.run([*command, name], check=True, env=environment)
                    found = [dict(np.load(Path(name) / f"{r}.npz")) for r in range(n_processes)]
                alone = alone or found[0]
                accuracy, f1, seconds = found[0]["scores"]
                row = f"| {dataset} | {arm} | {n_processes} | {accuracy:.4f} | {f1:.4f}"
                apart = "–" if n_processes == 1 else f"{difference(*found):.1g}"
                away = "–"
                if n_processes > 1 and arm != "MLP":
                    away = f"{difference(found[0], alone):.1g}"
                print(f"{row} | {seconds:.1f} | {apart} | {away} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one_process(sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
