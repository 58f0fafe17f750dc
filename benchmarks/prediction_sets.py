"""Prediction sets and rejection: are they right as often as they say?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/prediction_sets.py [dataset …]

Five stratified folds each, pooled: share of test cells whose set at coverage 0.9 holds the true
label, mean number of labels in a set, share of empty sets; the lowest share among labels with at
least 50 cells, and how many of those are below 0.85; the same without empty sets; the share of
cells, all of known labels, that `reject_rate=0.05` leaves unassigned. Shares are 0–1. The two
constants of the thresholds were chosen on one fold of the same datasets.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import torch
from _data import DATASETS, folds, read
from threadpoolctl import threadpool_limits

import cellclass as cc

MIN_CELLS = 50


def one_fold(adata, train, test):
    y = adata.obs["cell_type"].astype(str).to_numpy()
    reference, query = adata[train].copy(), adata[test].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    column = np.array([list(model.labels).index(label) for label in y[test]])
    rows = np.arange(len(test))
    sets = model.predict_sets(query).to_numpy()
    filled = model.predict_sets(query, allow_empty=False).to_numpy()
    scores = model.score_cells(query)
    try:
        rejected = scores.unassigned(0.05).astype(float)
    except ValueError:  # too few held-out cells for that rate
        rejected = np.full(len(test), np.nan)
    return np.stack(
        [
            sets[rows, column],
            sets.sum(axis=1),
            filled[rows, column],
            filled.sum(axis=1),
            scores.codes == column,
            rejected,
        ],
        axis=1,
    )


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    warnings.filterwarnings("ignore", message="coverage=")
    columns = (
        "accuracy",
        "coverage",
        "size",
        "empty",
        "lowest label",
        "labels below 0.85",
        "no empty: coverage",
        "size",
        "unassigned at 0.05",
    )
    print(f"| dataset | cells | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|")
    means, pooled, n_low, n_labels = [], [], 0, 0
    for name in sys.argv[1:] or DATASETS:
        adata = read(name)
        y = adata.obs["cell_type"].astype(str).to_numpy()
        parts = []
        for train, test in folds(adata, None):
            test = test[np.isin(y[test], y[train])]
            parts.append((test, one_fold(adata, train, test)))
        cells = np.concatenate([test for test, _ in parts])
        found = np.concatenate([part for _, part in parts])
        held, size, held_filled, size_filled, right, rejected = found.T
        labels, n_cells = np.unique(y[cells], return_counts=True)
        by_label = [held[y[cells] == label].mean() for label in labels[n_cells >= MIN_CELLS]]
        low = sum(share < 0.85 for share in by_label)
        n_low, n_labels = n_low + low, n_labels + len(by_label)
        lowest = f"{min(by_label):.3f}" if by_label else ""
        mean = (
            right.mean(),
            held.mean(),
            size.mean(),
            (size == 0).mean(),
            held_filled.mean(),
            size_filled.mean(),
            np.nanmean(rejected) if np.isfinite(rejected).any() else np.nan,
        )
        means.append(mean)
        pooled.append(found)
        labelled = (lowest, f"{low} of {len(by_label)}")
        print(row_of(name, f"{len(cells):,}", mean, labelled), flush=True)
    overall = ("", f"{n_low} of {n_labels}")
    print(row_of("**mean**", "", np.nanmean(means, axis=0), overall))
    every = np.concatenate(pooled)
    held, size, held_filled, size_filled, right, rejected = every.T
    parts = (right, held, size, size == 0, held_filled, size_filled)
    mean = (*(part.mean() for part in parts), np.nanmean(rejected))
    print(row_of("**pooled**", f"{len(every):,}", mean, ("", "")))


def row_of(name: str, n_cells: str, mean, labelled: tuple[str, str]) -> str:
    accuracy, coverage, size, empty, filled, size_filled, rejected = (f"{x:.3f}" for x in mean)
    first = (name, n_cells, accuracy, coverage, size, empty)
    return "| " + " | ".join((*first, *labelled, filled, size_filled, rejected)) + " |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
