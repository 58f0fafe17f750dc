"""MLP beside logistic regression, on the same genes and on all genes.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/accuracy.py [dataset …]

Accuracy, macro-F1 and expected calibration error (ECE, 15 bins) are means over folds: 5 stratified
folds, and where a dataset has donors, technologies, conditions, days or species, each of them held
out in turn ("held out"). Genes are ranked inside each fold on its training cells. The logistic
regressions are `cellclass.train.fit_logistic_regression`, tuned on a fifth of the training cells;
their input is log1p CP10k as for the MLP. Every fit runs on one thread; times (s) are of fitting,
with gene ranking for the MLP.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import scipy.sparse as sp
import torch
from _data import DATASETS, folds, read
from threadpoolctl import threadpool_limits

import cellclass as cc
from cellclass.train import fit_logistic_regression

ARMS = ("MLP", "LR same genes", "LR all genes")


def log1p_cp10k(X) -> sp.csr_matrix:
    X = sp.csr_matrix(X, dtype=np.float32)
    total = np.asarray(X.sum(axis=1)).ravel()
    return sp.csr_matrix(X.multiply((1e4 / np.maximum(total, 1))[:, None])).log1p()


def one_fold(adata, X_all, train, test) -> dict[str, tuple[float, float, float, float]]:
    y = adata.obs["cell_type"].astype(str).to_numpy()
    reference, query = adata[train].copy(), adata[test].copy()
    start = time.perf_counter()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    seconds = time.perf_counter() - start
    answers = {"MLP": (model.predict(query, soft=True).to_numpy(), np.array(model.labels), seconds)}
    everything = slice(None)
    inputs = {
        "LR same genes": (
            model.contract.bind(reference).read(everything),
            model.contract.bind(query).read(everything),
        ),
        "LR all genes": (X_all[train], X_all[test]),
    }
    for arm, (X_train, X_test) in inputs.items():
        start = time.perf_counter()
        baseline = fit_logistic_regression(X_train, y[train])
        seconds = time.perf_counter() - start
        answers[arm] = (baseline.predict_proba(X_test), baseline.classes_, seconds)
    scores = {}
    for arm, (probability, labels, seconds) in answers.items():
        predicted = labels[probability.argmax(axis=1)]
        found = cc.metrics.classification_scores(y[test], predicted)
        error = cc.metrics.expected_calibration_error(
            probability.max(axis=1).clip(0, 1), predicted == y[test]
        )
        scores[arm] = (found["accuracy"], found["macro_f1"], error, seconds)
    return scores


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    names = sys.argv[1:] or list(DATASETS)
    head = " | ".join(f"{arm} acc / F1 / ECE (s)" for arm in ARMS)
    print(f"| dataset | split | folds | {head} |")
    print("|---" * (len(ARMS) + 3) + "|")
    means = {"5-fold": [], "held out": []}
    for name in names:
        adata = read(name)
        X_all = log1p_cp10k(adata.X)
        for split, groups in (("5-fold", None), ("held out", DATASETS[name])):
            if split == "held out" and groups is None:
                continue
            every = [one_fold(adata, X_all, *fold) for fold in folds(adata, groups)]
            if not every:  # no label occurs on both sides
                continue
            mean = {arm: np.mean([scores[arm] for scores in every], axis=0) for arm in ARMS}
            means[split].append([mean[arm][:3] for arm in ARMS])
            cells = " | ".join(
                "{:.3f} / {:.3f} / {:.3f} ({:.1f})".format(*mean[arm]) for arm in ARMS
            )
            kind = split if groups is None else f"{groups} {split}"
            print(f"| {name} | {kind} | {len(every)} | {cells} |", flush=True)
    for split, rows in means.items():
        if rows:
            cells = " | ".join(
                "{:.3f} / {:.3f} / {:.3f}".format(*mean) for mean in np.mean(rows, axis=0)
            )
            print(f"| **mean** | {split} | {len(rows)} | {cells} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
