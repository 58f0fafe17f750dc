"""What the transformer is worth: beside logistic regression and the perceptron, on the same folds.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/performer_accuracy.py [full] [few] [previous]
           [--folds 2] [--few-folds 1] [--not-pretrained] [--why] [--datasets NAME …]
           [--results FILE]

`full`: every dataset in stratified folds ("within") and with a donor, technology, condition, day or
species held out. Arms: `LR`, a tuned logistic regression on all genes; `MLP`, the perceptron;
`Performer`, the default `CellPerformer`; `alone`, the transformer of the same model without its
shallow paths. `few`: 5 and 20 labelled cells of each label (`5` and `20` do one of them) in the
first folds, the others as cells without a label; `pretrained` is the default after masked
expression modelling on all of the training cells. `--why` adds `one MLP`, a perceptron of one
network as the transformer is (it is five of them below 3,000 labelled cells), and `five
Performers`, the mean probability of five seeds. `previous`: cells whose label depends on two time
points, with the earlier one and without it. Intervals are of the mean over datasets (95 %,
bootstrap over datasets). Results are appended to the file as they come, and what is there is not
computed again. One thread.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _logistic import tuned_logistic_regression
from _tasks import Fold, tasks
from threadpoolctl import threadpool_limits

import cellclass as cc

COLUMNS = ("table", "dataset", "kind", "fold", "arm", "accuracy", "macro_f1", "seconds")
UNLABELLED = "no label"
N_SEEDS = 5


def score(truth: np.ndarray, answer: np.ndarray) -> tuple[float, float]:
    found = cc.metrics.classification_scores(truth, answer)
    return found["accuracy"], found["macro_f1"]


def fitted(model_class, reference: ad.AnnData, *, unlabelled=None, pretrain=False, **how):
    model_class.setup_anndata(reference, labels_key="cell_type", unlabeled_category=unlabelled)
    model = model_class(reference, **how)
    if pretrain:
        model.pretrain(accelerator="cpu", enable_progress_bar=False)
    model.train(accelerator="cpu", enable_progress_bar=False)
    return model


def alone(model, query: ad.AnnData) -> np.ndarray:
    """Labels by the transformer of a model, without its shallow paths."""
    weights = model.module.path_weights.clone()
    model.module.path_weights.copy_(torch.tensor([1.0, 0.0, 0.0]))
    answer = model.predict(query)
    model.module.path_weights.copy_(weights)
    return answer


def why(reference: ad.AnnData, query: ad.AnnData, unlabelled: str, first):
    """Yield a perceptron of one network, and the mean answer of five transformers."""
    start = time.perf_counter()
    kind = cc.model.CellClassifierMLP
    model = fitted(kind, reference.copy(), unlabelled=unlabelled, validation_size=0.1)
    yield "one MLP", model.predict(query), time.perf_counter() - start
    start = time.perf_counter()
    probability = first.predict(query, soft=True)
    for seed in range(1, 5):
        model = fitted(type(first), reference.copy(), unlabelled=unlabelled, seed=seed)
        probability += model.predict(query, soft=True)
    names = probability.columns.to_numpy()
    yield (
        "five Performers",
        names[probability.to_numpy().argmax(axis=1)],
        (time.perf_counter() - start),
    )


def arms_of(fold: Fold, *, few: int | None = None, pretrain: bool = True, explain: bool = False):
    """Yield the answers of each arm, with the seconds that it took."""
    reference, query = fold.reference(), fold.query_adata()
    unlabelled = None
    if few is not None:
        rng = np.random.default_rng(few)
        labels = fold.y_train
        order = rng.permutation(len(labels))
        kept = np.concatenate([order[labels[order] == k][:few] for k in np.unique(labels)])
        reference.obs["cell_type"] = np.where(
            np.isin(np.arange(len(labels)), kept), labels, UNLABELLED
        )
        unlabelled = UNLABELLED
        fold = Fold(
            fold.task, fold.number, fold.counts_train[kept], fold.counts_test, labels[kept],
            fold.y_test, fold.genes, fold.test,
        )  # fmt: skip
    start = time.perf_counter()
    probability, classes, _ = tuned_logistic_regression(fold, np.arange(len(fold.genes)))
    yield "LR", classes[probability.argmax(axis=1)], time.perf_counter() - start
    start = time.perf_counter()
    model = fitted(cc.model.CellClassifierMLP, reference.copy(), unlabelled=unlabelled)
    yield "MLP", model.predict(query), time.perf_counter() - start
    start = time.perf_counter()
    model = fitted(cc.model.CellPerformer, reference.copy(), unlabelled=unlabelled)
    yield "Performer", model.predict(query), time.perf_counter() - start
    yield "alone", alone(model, query), np.nan
    if explain:
        yield from why(reference, query, UNLABELLED, model)
    if few is not None and pretrain:
        start = time.perf_counter()
        model = fitted(
            cc.model.CellPerformer, reference.copy(), unlabelled=unlabelled, pretrain=True
        )
        yield "pretrained", model.predict(query), time.perf_counter() - start
        yield "alone, pretrained", alone(model, query), np.nan


def compute(table: str, names, n_folds: int, path: Path, **arms: bool) -> None:
    done = set()
    if path.exists():
        read = pd.read_csv(path)
        done = {tuple(row) for row in read[["table", "dataset", "kind", "fold"]].to_numpy(str)}
    else:
        path.write_text(",".join(COLUMNS) + "\n")
    for task in tasks(names):
        if task.kind == "across" or (table != "full" and task.kind != "within"):
            continue
        for fold in task.folds():
            if fold.number >= n_folds:
                break
            if (table, task.dataset, task.kind, str(fold.number)) in done:
                continue
            few = None if table == "full" else int(table)
            rows = [
                (table, task.dataset, task.kind, fold.number, arm,
                 *score(fold.y_test, answer), seconds)
                for arm, answer, seconds in arms_of(fold, few=few, **arms)
            ]  # fmt: skip
            with path.open("a") as file:
                csv.writer(file).writerows(rows)
            print("  ".join(f"{row[4]} {row[5]:.3f}/{row[6]:.3f}" for row in rows), rows[0][1:4],
                  file=sys.stderr, flush=True)  # fmt: skip


def report(results: pd.DataFrame, table: str) -> None:
    rng = np.random.default_rng(0)
    found = results[results["table"].astype(str) == table]
    for kind, part in found.groupby("kind"):
        by_dataset = part.groupby(["dataset", "arm"])[["accuracy", "macro_f1", "seconds"]].mean()
        wide = by_dataset["macro_f1"].unstack()  # noqa: PD010
        print(f"\n{table}, {kind}: {len(wide)} datasets, {part['fold'].nunique()} folds at most\n")
        print("| arm | accuracy | macro-F1 | less LR | less MLP | datasets ahead of LR | s |")
        print("|---|---|---|---|---|---|---|")
        for arm in part["arm"].unique():
            cells = []
            for other in ("LR", "MLP"):
                difference = (wide[arm] - wide[other]).to_numpy()
                draws = rng.choice(difference, (2000, len(difference))).mean(axis=1)
                low, high = np.quantile(draws, [0.025, 0.975])
                cells.append(f"{difference.mean():+.3f} ({low:+.3f} to {high:+.3f})")
            mean = by_dataset.xs(arm, level="arm").mean()
            ahead = wide[arm] > wide["LR"]
            print(
                f"| {arm} | {mean['accuracy']:.3f} | {mean['macro_f1']:.3f} | {cells[0]} "
                f"| {cells[1]} | {ahead.sum()} of {len(wide)} "
                f"| {mean['seconds']:.0f} |"
            )
        faultless = int((wide["LR"] == 1).sum())
        print(f"\nLogistic regression makes no mistake on {faultless} datasets.")
        print(f"\nAccuracy/macro-F1:\n\n| dataset | folds | {' | '.join(wide.columns)} |")
        print("|---" * (len(wide.columns) + 2) + "|")
        for name, n_folds in part.groupby("dataset", sort=False)["fold"].nunique().items():
            scores = by_dataset.loc[name].loc[wide.columns]
            cells = [f"{a:.3f}/{f:.3f}" for a, f in scores[["accuracy", "macro_f1"]].to_numpy()]
            print(f"| {name} | {n_folds} | {' | '.join(cells)} |")


def two_time_points(seed: int) -> ad.AnnData:
    """Cells whose label is the pair of an earlier and a present state, 3 × 3 of them."""
    rng = np.random.default_rng(seed)
    n_cells, n_genes, n_states = 900, 200, 3
    mean = rng.gamma(0.5, 2.0, n_genes)
    states = np.exp(rng.normal(0, 0.8, (n_states, n_genes)) * (rng.random(n_genes) < 0.3))
    before, now = rng.integers(n_states, size=(2, n_cells))
    depth = rng.lognormal(0, 0.3, (2, n_cells, 1))
    layers = [rng.poisson(depth[k] * mean * states[which]) for k, which in enumerate((before, now))]
    adata = ad.AnnData(layers[1].astype(np.float32))
    adata.layers["X_previous"] = layers[0].astype(np.float32)
    adata.obs["cell_type"] = [f"{a} to {b}" for a, b in zip(before, now, strict=True)]
    return adata


def previous() -> None:
    print(
        "\n| seed | both time points | present alone | transformer alone, both |\n|---|---|---|---|"
    )
    found = []
    for seed in range(N_SEEDS):
        adata = two_time_points(seed)
        test = np.arange(adata.n_obs) % 3 == 0
        row = []
        for layer in ("X_previous", None):
            reference, query = adata[~test].copy(), adata[test].copy()
            cc.model.CellPerformer.setup_anndata(reference, "cell_type", previous_layer=layer)
            model = cc.model.CellPerformer(reference)
            model.train(accelerator="cpu", enable_progress_bar=False)
            truth = query.obs["cell_type"].to_numpy(str)
            row.append(score(truth, model.predict(query))[1])
            if layer is not None:
                transformer = score(truth, alone(model, query))[1]
        found.append((*row, transformer))
        print(f"| {seed} | " + " | ".join(f"{x:.3f}" for x in found[-1]) + " |", flush=True)
    gain = np.array([row[0] - row[1] for row in found])
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"\nMacro-F1: {gain.mean():+.3f} ± {error:.3f} (mean and its standard error) by "
          f"the earlier time point.")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", metavar="full | few | 5 | 20 | previous")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--few-folds", type=int, default=1)
    parser.add_argument("--not-pretrained", action="store_true", help="leave that arm out of few")
    parser.add_argument("--why", action="store_true", help="one perceptron, five transformers")
    parser.add_argument("--datasets", nargs="*", default=())
    parser.add_argument("--results", type=Path, default=Path("performer_accuracy.csv"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for table in options.tables or ("full", "few", "previous"):
        if table == "previous":
            previous()
            continue
        n_folds = options.folds if table == "full" else options.few_folds
        for part in ("5", "20") if table == "few" else (table,):
            compute(
                part, options.datasets, n_folds, options.results,
                pretrain=not options.not_pretrained, explain=options.why,
            )  # fmt: skip
            report(pd.read_csv(options.results), part)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
