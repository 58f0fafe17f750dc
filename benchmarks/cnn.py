"""What a convolutional network over genes is worth, and whether the order of the genes matters.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/cnn.py [--folds=3] [--published] [dataset …]

Accuracy, macro-F1 and CPU seconds of a fit on one thread, means over the first 3 of 5 stratified
folds (`--folds` takes more), of `CellClassifierCNN` with three orders of 1000 genes, beside
`CellClassifierMLP` and a logistic regression on these genes (C chosen from 0.1, 1 and 10 on a fifth
of the training cells). The seconds of the networks are with gene ranking. `--published` instead
compares the published network over all genes with the default one and the MLP, on the first fold
only: it is slow.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import torch
from _data import folds, read
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

import cellclass as cc
from cellclass.pp._hold_out import hold_out

DATASETS = ("pbmc_zheng_facs", "pbmc3k", "pbmc_ifnb", "mouse_bladder_mca", "mouse_embryo_deng")
CNN, MLP = cc.model.CellClassifierCNN, cc.model.CellClassifierMLP
ARMS = {
    "CNN, correlated neighbours": (CNN, {"gene_order": "correlation"}),
    "CNN, JS rank": (CNN, {"gene_order": "js"}),
    "CNN, random order": (CNN, {"gene_order": "random"}),
    "MLP": (MLP, {}),
}
PUBLISHED = {
    "CNN, published": (CNN, {"preset": "published"}),
    "CNN, correlated neighbours": (CNN, {}),
    "MLP": (MLP, {}),
}


def logistic_regression(X, y: np.ndarray) -> LogisticRegression:
    codes = np.unique(y, return_inverse=True)[1]
    train, validation = hold_out(codes, held_out=0.2, seed=0)
    losses = {}
    for C in (0.1, 1.0, 10.0):
        model = LogisticRegression(C=C, max_iter=300).fit(X[train], y[train])
        losses[C] = log_loss(
            y[validation], model.predict_proba(X[validation]), labels=model.classes_
        )
    return LogisticRegression(C=min(losses, key=losses.get), max_iter=300).fit(X, y)


def one_fold(adata, train, test, arms) -> dict[str, tuple[float, float, float]]:
    y = adata.obs["cell_type"].astype(str).to_numpy()
    reference, query = adata[train].copy(), adata[test].copy()
    scores = {}

    def note(arm: str, answers: np.ndarray, seconds: float) -> None:
        found = cc.metrics.classification_scores(y[test], answers)
        scores[arm] = (found["accuracy"], found["macro_f1"], seconds)

    for arm, (cls, arguments) in arms.items():
        start = time.process_time()
        cls.setup_anndata(reference, labels_key="cell_type")
        model = cls(reference, **arguments)
        model.train(enable_progress_bar=False)
        seconds = time.process_time() - start
        note(arm, model.predict(query), seconds)
    X_train, X_test = (model.contract.bind(part).read(slice(None)) for part in (reference, query))
    start = time.process_time()
    baseline = logistic_regression(X_train, y[train])
    note("LR, same genes", baseline.predict(X_test), time.process_time() - start)
    return scores


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    published = "--published" in sys.argv
    arms = PUBLISHED if published else ARMS
    given = [text.removeprefix("--folds=") for text in sys.argv if text.startswith("--folds=")]
    n_folds = 1 if published else int(given[0]) if given else 3
    names = [name for name in sys.argv[1:] if not name.startswith("--")] or DATASETS
    head = " | ".join([*arms, "LR, same genes"])
    print(f"| dataset | {head} |\n" + "|---" * (len(arms) + 2) + "|")
    rows = []
    for name in names:
        adata = read(name)
        some = list(folds(adata, None))[:n_folds]
        every = np.array([list(one_fold(adata, *fold, arms).values()) for fold in some])
        mean = every.mean(axis=0)
        rows.append(mean)
        cells = " | ".join(f"{accuracy:.3f} / {f1:.3f} ({s:.0f} s)" for accuracy, f1, s in mean)
        print(f"| {name} | {cells} |", flush=True)
    cells = " | ".join(
        f"{accuracy:.3f} / {f1:.3f} ({s:.0f} s)" for accuracy, f1, s in np.mean(rows, axis=0)
    )
    print(f"| **mean** | {cells} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
