"""Gene panels of 50, 200 and 1000 genes: how well do cells get their label from each?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/panels.py [--datasets A,B] [--sizes 50,200,1000]
       [--model lr|mlp|both] [--folds 5] [--selectors A,B] [--results FILE] [--verbose]

Macro-F1 in per cent over stratified folds. Every selector ranks the genes on the training cells
of the fold. A logistic regression (C = 1, log1p CP10k, the total being that of all genes) and the
package's MLP (on the counts of the panel alone) then learn from the panel. "- Wilcoxon" is the
mean of the paired differences over datasets and folds, with its 95 % interval over folds. A
dataset counts for a size when it has more genes than that. One thread. With --results, what is
found is kept in that file, and what the file holds is not computed again.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _data import DATASETS, folds, read
from _panels import SELECTORS, VARIANTS, TrainingCells, log1p_cp10k
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import cellclass as cc

FIELDS = ("model", "dataset", "fold", "size", "selector", "macro_f1", "rank_s", "fit_s")
KEY = list(FIELDS[:5])
BASE = "Wilcoxon"


def logistic_regression(adata, X, train, test, panel) -> np.ndarray:
    y = adata.obs["cell_type"].astype(str).to_numpy()
    X = X[:, panel].toarray()
    return LogisticRegression(C=1.0, max_iter=200).fit(X[train], y[train]).predict(X[test])


def mlp(adata, X, train, test, panel) -> np.ndarray:  # noqa: ARG001 - same arguments for both
    reference, query = adata[train, panel].copy(), adata[test, panel].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, n_top_genes=None)
    model.train(enable_progress_bar=False)
    return model.predict(query)


MODELS = {"lr": logistic_regression, "mlp": mlp}


def run(name, models, sizes, selectors, n_folds, known):
    """Yield one row for each model, fold, size and selector that is not known yet."""
    adata = read(name)
    X = log1p_cp10k(adata.X)
    y = adata.obs["cell_type"].astype(str).to_numpy()
    for fold, (train, test) in enumerate(folds(adata, None, n_folds=n_folds)):
        cells = TrainingCells(adata[train], seed=fold)
        for selector, select in selectors.items():
            for size in (size for size in sizes if size < adata.n_vars):
                open_models = [
                    model for model in models if (model, name, fold, size, selector) not in known
                ]
                if not open_models:
                    continue
                start = time.process_time()
                panel = select(cells, size)[:size]
                rank_s = time.process_time() - start
                for model in open_models:
                    start = time.process_time()
                    predicted = MODELS[model](adata, X, train, test, panel)
                    fit_s = time.process_time() - start
                    scores = cc.metrics.classification_scores(y[test], predicted)
                    row = (model, name, fold, size, selector, scores["macro_f1"], rank_s, fit_s)
                    yield dict(zip(FIELDS, row, strict=True))


def table(rows: pd.DataFrame, model: str, selectors: list[str]) -> str:
    """Mean over datasets of each selector and size, and the paired difference to Wilcoxon."""
    rows = rows[rows["model"] == model]
    sizes = sorted(rows["size"].unique())
    wide = {
        size: part.pivot_table(index=["dataset", "fold"], columns="selector", values="macro_f1")
        for size, part in rows.groupby("size")
    }
    wide = {size: frame.reindex(columns=selectors).dropna() * 100 for size, frame in wide.items()}
    head = "".join(f" | {size} | - {BASE}" for size in sizes)
    lines = [f"| {model}{head} | rank (CPU s) |", "|---" * (2 * len(sizes) + 2) + "|"]
    seconds = rows.groupby(["selector", "dataset", "fold"])["rank_s"].max()
    seconds = seconds.groupby("selector").mean()
    for selector in selectors:
        cells = ""
        for size in sizes:
            frame = wide[size]
            cells += f" | {frame[selector].groupby('dataset').mean().mean():.1f}"
            gap = frame[selector] - frame[BASE] if BASE in frame else frame[selector] * np.nan
            middle, half = gap.groupby("dataset").mean().mean(), 1.96 * gap.sem()
            cells += " | " if selector == BASE else f" | {middle:+.1f} ± {half:.1f}"
        lines.append(f"| {selector}{cells} | {seconds[selector]:.2f} |")
    counted = ", ".join(
        f"{size}: {len(frame)} folds of {frame.index.get_level_values(0).nunique()} datasets"
        for size, frame in wide.items()
    )
    return "\n".join([*lines, "", f"Counted: {counted}."])


def per_dataset(rows: pd.DataFrame, model: str, selectors: list[str]) -> str:
    """One table for each size: datasets down, selectors across."""
    text = []
    for size, part in rows[rows["model"] == model].groupby("size"):
        frame = part.pivot_table(index="dataset", columns="selector", values="macro_f1") * 100
        frame = frame.reindex(columns=[s for s in selectors if s in frame])
        text += [f"\n| {model}, {size} genes | " + " | ".join(frame.columns) + " |"]
        text += ["|---" * (frame.shape[1] + 1) + "|"]
        text += [
            f"| {name} | " + " | ".join(f"{value:.1f}" for value in line) + " |"
            for name, line in zip(frame.index, frame.to_numpy(), strict=True)
        ]
    return "\n".join(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datasets", default=",".join(DATASETS))
    parser.add_argument("--sizes", default="50,200,1000")
    parser.add_argument("--model", choices=[*MODELS, "both"], default="lr")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--selectors", default="main", help="main, variants, or names, with ;")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def chosen(text: str) -> dict:
    every = {"main": SELECTORS, "variants": VARIANTS}
    if text in every:
        selectors = dict(every[text])
    else:
        selectors = {name: (SELECTORS | VARIANTS)[name] for name in text.split(";")}
    if "COSG" in selectors:
        try:
            import cosg  # noqa: F401
        except ImportError:
            del selectors["COSG"]
    return selectors


def main() -> None:
    options = arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for message in ("Labels of obs", "The counts are deep"):
        warnings.filterwarnings("ignore", message=message)
    selectors = chosen(options.selectors)
    models = list(MODELS) if options.model == "both" else [options.model]
    sizes = [int(size) for size in options.sizes.split(",")]
    names = options.datasets.split(",")
    rows = []
    if options.results and options.results.exists():
        rows = pd.read_csv(options.results).to_dict("records")
    known = {tuple(row[field] for field in KEY) for row in rows}
    for name in names:
        for row in run(name, models, sizes, selectors, options.folds, known):
            rows.append(row)
            if options.results:
                is_new = not options.results.exists()
                with options.results.open("a", newline="") as file:
                    writer = csv.DictWriter(file, FIELDS)
                    if is_new:
                        writer.writeheader()
                    writer.writerow(row)
    frame = pd.DataFrame(rows)
    frame = frame[frame["dataset"].isin(names) & frame["size"].isin(sizes)]
    for model in models:
        print(table(frame, model, list(selectors)))
        if options.verbose:
            print(per_dataset(frame, model, list(selectors)))
        print()


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
