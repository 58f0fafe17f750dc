"""What surface proteins add to RNA, and what a query without them gets.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/citeseq.py [answers] [queries] [novelty]

`pbmc10k_citeseq.h5mu`: 5,994 blood cells, 4,000 genes, 14 proteins, seven labels that were given by
hand from the proteins. "answers": models of RNA and proteins, on 5 stratified folds and on few
labelled cells (8 draws of each number; the test cells are all others), asked for cells with RNA
alone, with proteins alone, and with both. "model of RNA" was made with `setup_anndata` from the
RNA of the same cells (on the folds). The intervals are 95%: on folds of a bootstrap of cells, of
all folds together; on draws of Student's t over draws.

"queries": the first fold's model, and one of 10 cells a label, asked for queries that lack
proteins, or whose proteins were sequenced less deeply (binomial thinning), or stand on other
scales. "novelty": each label in turn is left out of the training cells; how well p-values tell its
cells from the test cells of the others.
"""

from __future__ import annotations

import sys
import warnings
from functools import partial

import mudata
import numpy as np
import torch
from _data import folder
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits

import cellclass as cc
from cellclass.io._mudata_file import read_mudata
from cellclass.metrics import expected_calibration_error
from cellclass.metrics._paired_difference import paired_difference

MODEL = cc.model.CellClassifierMLP
MODALITIES = {"rna_layer": "rna", "protein_layer": "prot"}
CASES = ("rna", "proteins", "both")
N_DRAWS = 8


def draws(y: np.ndarray):
    """Yield a name, and the training cells of each fold or draw."""
    splits = StratifiedKFold(5, shuffle=True, random_state=0).split(y, y)
    yield "5 folds", [train for train, _ in splits]
    for n in (500, 200):
        yield f"{n} cells", [some_of_all(y, n, seed) for seed in range(N_DRAWS)]
    for n in (10,):
        yield f"{n} cells a label", [some_per_label(y, n, seed) for seed in range(N_DRAWS)]


def some_of_all(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    rows = np.arange(len(y))
    return np.sort(train_test_split(rows, train_size=n, stratify=y, random_state=seed)[0])


def some_per_label(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(y == label))[:n] for label in np.unique(y)]
    return np.sort(np.concatenate(rows))


def trained(mdata, rows: np.ndarray):
    reference = mdata[rows].copy()
    MODEL.setup_mudata(reference, labels_key="cell_type", modalities=MODALITIES)
    model = MODEL(reference)
    model.train(accelerator="cpu", enable_progress_bar=False)
    return model


def trained_on_rna(mdata, rows: np.ndarray):
    reference = mdata["rna"][rows].copy()
    reference.obs["cell_type"] = mdata.obs["cell_type"].to_numpy()[rows]
    MODEL.setup_anndata(reference, labels_key="cell_type")
    model = MODEL(reference)
    model.train(accelerator="cpu", enable_progress_bar=False)
    return model


def queries_of(query) -> dict:
    return {
        "rna": mudata.MuData({"rna": query["rna"].copy()}),
        "proteins": mudata.MuData({"prot": query["prot"].copy()}),
        "both": query,
    }


def row_of(name: str, score: str, folds: dict[str, list[np.ndarray]]) -> str:
    """One line: the mean score of each case, and the difference with its interval."""
    means, by_case = [], {}
    for case in ("model of RNA", *CASES):
        found = [
            cc.metrics.classification_scores(truth, labels)[score]
            for truth, labels in zip(folds["truth"], folds[case], strict=False)
        ]
        means.append(f"{np.mean(found):.3f}" if found else "–")
        by_case[case] = found
    difference = np.subtract(by_case["both"], by_case["rna"])
    if name == "5 folds":
        parts = {key: np.concatenate(folds[key]) for key in ("truth", "both", "rna", "fold")}
        table = paired_difference(parts["truth"], parts["both"], parts["rna"], folds=parts["fold"])
        low, high = table.loc[score, ["lower", "upper"]]
    else:
        spread = stats.sem(difference)
        low, high = stats.t.interval(0.95, len(difference) - 1, difference.mean(), spread)
    words = score.replace("macro_f1", "macro-F1")
    return (
        f"| {name} | {words} | {' | '.join(means)} | {difference.mean():+.3f} ({low:+.3f} to "
        f"{high:+.3f}) |"
    )


def answers(mdata) -> None:
    y = mdata.obs["cell_type"].astype(str).to_numpy()
    print(
        "Scores of the cells that were not trained on:\n\n"
        "| labelled cells | score | model of RNA | RNA alone | proteins alone | both "
        "| both − RNA |\n"
        "|---|---|---|---|---|---|---|"
    )
    trust = []
    for name, rows in draws(y):
        folds = {case: [] for case in (*CASES, "model of RNA", "truth", "fold")}
        errors = {case: [] for case in CASES}
        covered = {case: [] for case in CASES}
        for number, train in enumerate(rows):
            test = np.setdiff1d(np.arange(len(y)), train)
            model, query = trained(mdata, train), mdata[test].copy()
            if name == "5 folds":
                own = trained_on_rna(mdata, train).predict(query["rna"])
                folds["model of RNA"].append(np.asarray(own))
            folds["truth"].append(y[test])
            folds["fold"].append(np.full(len(test), number))
            for case, cells in queries_of(query).items():
                found = model.score_cells(cells)
                labels = np.asarray(model.labels)[found.codes]
                folds[case].append(labels)
                errors[case].append(expected_calibration_error(found.confidence, labels == y[test]))
                sets = model.predict_sets(cells, coverage=0.9).to_numpy()
                own_label = np.searchsorted(model.labels, y[test])
                covered[case].append(sets[np.arange(len(test)), own_label].mean())
        for score in ("macro_f1", "accuracy"):
            print(row_of(name, score, folds), flush=True)
        trust.append((name, errors, covered))
    print("\n| labelled cells | error of confidence: RNA, proteins, both | coverage of 90% sets |")
    print("|---|---|---|")
    for name, errors, covered in trust:
        first = ", ".join(f"{np.mean(errors[case]):.3f}" for case in CASES)
        second = ", ".join(f"{np.mean(covered[case]):.3f}" for case in CASES)
        print(f"| {name} | {first} | {second} |")


def changed(query, change):
    """The query with other proteins."""
    proteins = change(query["prot"].copy())
    return mudata.MuData({"rna": query["rna"].copy(), "prot": proteins})


def without(proteins, gone: np.ndarray):
    return proteins[:, np.setdiff1d(np.arange(proteins.n_vars), gone)].copy()


def thinned(proteins, share: float):
    rng = np.random.default_rng(0)
    proteins.X = rng.binomial(proteins.X.astype(int), share).astype(np.float32)
    return proteins


def rescaled(proteins, change):
    proteins.X = change(proteins.X)
    return proteins


def queries(mdata) -> None:
    y = mdata.obs["cell_type"].astype(str).to_numpy()
    print(
        "\n| query | training cells | accuracy, both | macro-F1, both | macro-F1, proteins "
        "| expected accuracy | error of confidence | coverage |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n, train in (("4,795", draw_first(y)), ("70", some_per_label(y, 10, 0))):
        test = np.setdiff1d(np.arange(len(y)), train)
        model, query = trained(mdata, train), mdata[test].copy()
        most_first = np.argsort(-model._proteins.contract.importance)  # noqa: SLF001
        at_random = np.random.default_rng(0).permutation(14)
        changes = {
            "as it is": lambda p: p,
            "half of the proteins, at random": partial(without, gone=at_random[:7]),
            "without the 4 that tell most": partial(without, gone=most_first[:4]),
            "without the 8 that tell most": partial(without, gone=most_first[:8]),
            "a quarter of the depth": partial(thinned, share=0.25),
            "a twentieth of the depth": partial(thinned, share=0.05),
            "log1p": partial(rescaled, change=np.log1p),
            "centred log ratio": partial(rescaled, change=centred),
        }
        for name, change in changes.items():
            try:
                cells = changed(query, change)
                found = model.score_cells(cells)
            except cc.errors.GeneError as error:
                print(f"| {name} | {n} | refused: {str(error)[:60]} |")
                continue
            labels = np.asarray(model.labels)[found.codes]
            alone = model.predict(mudata.MuData({"prot": cells["prot"].copy()}))
            sets = model.predict_sets(cells, coverage=0.9).to_numpy()
            hit = sets[np.arange(len(test)), np.searchsorted(model.labels, y[test])].mean()
            error = expected_calibration_error(found.confidence, labels == y[test])
            print(
                f"| {name} | {n} | {(labels == y[test]).mean():.3f} "
                f"| {f1_score(y[test], labels, average='macro'):.3f} "
                f"| {f1_score(y[test], alone, average='macro'):.3f} "
                f"| {found.report['expected_accuracy']:.3f} | {error:.3f} | {hit:.3f} |",
                flush=True,
            )


def draw_first(y: np.ndarray) -> np.ndarray:
    return next(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))[0]


def centred(X):
    logs = np.log1p(X)
    return logs - logs.mean(axis=1, keepdims=True)


def novelty(mdata) -> None:
    y = mdata.obs["cell_type"].astype(str).to_numpy()
    train = draw_first(y)
    test = np.setdiff1d(np.arange(len(y)), train)
    print("\n| left out | cells | AUROC: RNA | proteins | both | below 0.05 among others, both |")
    print("|---|---|---|---|---|---|")
    every = {case: [] for case in CASES}
    for label in np.unique(y):
        model = trained(mdata, train[y[train] != label])
        cells = queries_of(mdata[test].copy())
        novel = y[test] == label
        found = {case: model.score_cells(query).novelty_pvalue for case, query in cells.items()}
        for case in CASES:
            every[case].append(roc_auc_score(novel, -found[case]))
        below = (found["both"][~novel] < 0.05).mean()
        figures = " | ".join(f"{every[case][-1]:.3f}" for case in CASES)
        print(f"| {label} | {novel.sum()} | {figures} | {below:.3f} |", flush=True)
    figures = " | ".join(f"{np.mean(every[case]):.3f}" for case in CASES)
    print(f"| mean | | {figures} | |")


def main() -> None:
    parts = {"answers": answers, "queries": queries, "novelty": novelty}
    mdata = read_mudata(folder() / "pbmc10k_citeseq.h5mu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sys.argv[1:] or parts:
            parts[name](mdata)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
