"""Cells of a label that the model never saw: are they told from the cells of known labels?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/novelty.py [dataset …]

Every label with at least 50 cells is left out in turn. The model is trained on four fifths of the
other cells; the AUROC is that of the label's cells against the remaining fifth of the others (0.5
is chance). All scores are computed from the same fit on the same 1000 genes; the logistic
regression (C = 1, log1p CP10k) is fitted on the same training cells. How the parts of the package's
score are combined was chosen on half of the datasets ("chosen on"). The parts themselves were
shortlisted with all datasets in view, so the other half is no untouched test. The last rows
are the shares (0–1) of cells with a novelty p-value up to 0.05.
"""

# The scores that are compared are not part of the public face.
# ruff: noqa: SLF001

from __future__ import annotations

import sys
import warnings
from functools import partial

import numpy as np
import torch
from _data import DATASETS, folds, read
from scipy.special import logsumexp
from scipy.stats import entropy, rankdata
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

import cellclass as cc
from cellclass.metrics._label_distance import LabelDistance

CHOSEN_ON = (
    "pbmc_zheng_facs",
    "pbmc_ifnb",
    "pbmc_3tech",
    "mouse_bladder_mca",
    "mouse_embryo_deng",
    "mouse_cortex_osmfish",
    "celllines3_2tech",
    "human_fetal_cortex_camp",
)
MIN_CELLS = 50
MOST_TESTED = 2000


def auroc(known: np.ndarray, novel: np.ndarray) -> float:
    ranks = rankdata(np.concatenate([known, novel]))[len(known) :]
    return (ranks.sum() - len(novel) * (len(novel) + 1) / 2) / (len(known) * len(novel))


def unit(a: np.ndarray) -> np.ndarray:
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-9)


def neighbours(train: np.ndarray, k: int):
    search = NearestNeighbors(n_neighbors=min(k, len(train)), algorithm="brute").fit(train)
    return lambda cells: search.kneighbors(cells)[0].mean(axis=1)


def parts_of(novelty, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The three numbers of the score; their means where there are several networks."""
    if not hasattr(novelty, "scorers"):
        return novelty.parts(latent, x)
    latents = np.split(latent, len(novelty.scorers), axis=1)
    each = zip(novelty.scorers, latents, novelty.genes, strict=True)
    return np.mean([scorer.parts(z, x[:, genes]) for scorer, z, genes in each], axis=0)


def arms(model, codes: np.ndarray, rows: np.ndarray) -> dict:
    """Scores by name, functions of model input, latent representation and logits."""
    x, trust = model._reference.X[rows], model._trust
    latent = model._forward(x)[0]
    baseline = LogisticRegression(max_iter=100).fit(x, codes)
    pca = PCA(min(20, len(x) // 3), random_state=0).fit(x)
    in_pca = LabelDistance.fit(pca.transform(x), codes)
    knn = {k: neighbours(unit(latent), k) for k in (1, 10, 50)}
    knn_pca = neighbours(unit(pca.transform(x)), 10)
    parts = partial(parts_of, trust.novelty)
    return {
        "cellclass": lambda x, z, _: trust.novelty.score(z, x),
        "its label distance": lambda x, z, _: parts(z, x)[:, 0],
        "its neighbours": lambda x, z, _: parts(z, x)[:, 1],
        "its residual": lambda x, z, _: parts(z, x)[:, 2],
        "kNN latent, k=1": lambda _x, z, _: knn[1](unit(z)),
        "kNN latent, k=10": lambda _x, z, _: knn[10](unit(z)),
        "kNN latent, k=50": lambda _x, z, _: knn[50](unit(z)),
        "kNN PCA, k=10": lambda x, _z, _: knn_pca(unit(pca.transform(x))),
        "Mahalanobis PCA": lambda x, _z, _: in_pca.nearest(pca.transform(x))[0],
        "max. probability": lambda _x, _z, a: -trust.probability(a).max(axis=1),
        "entropy": lambda _x, _z, a: entropy(trust.probability(a), axis=1),
        "energy": lambda _x, _z, a: -logsumexp(a / trust.temperature, axis=1),
        "LR max. probability": lambda x, _z, _: -baseline.predict_proba(x).max(axis=1),
    }


def one_label(adata, label: str) -> dict[str, float]:
    y = adata.obs["cell_type"].astype(str).to_numpy()
    train, test = next(folds(adata, None))
    train, known = train[y[train] != label], test[y[test] != label]
    known = known[np.isin(y[known], y[train])]
    rng = np.random.default_rng(0)
    known, novel = (
        np.sort(rng.permutation(some)[:MOST_TESTED]) for some in (known, np.flatnonzero(y == label))
    )
    reference = adata[train].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    rows = model._reference.train
    inputs = []
    for cells in (known, novel):
        x = model.contract.bind(adata[cells].copy()).read(slice(None))
        inputs.append((x, *model._forward(x)))
    scores = {
        name: auroc(*(score(*cells) for cells in inputs))
        for name, score in arms(model, model._reference.codes[rows], rows).items()
    }
    pvalue = [model._trust.pvalue(latent, x) for x, latent, _ in inputs]
    return scores | {
        "rejected known": (pvalue[0] <= 0.05).mean(),
        "rejected novel": (pvalue[1] <= 0.05).mean(),
    }


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    warnings.filterwarnings("ignore", message="lbfgs failed to converge")
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in sys.argv[1:] or DATASETS:
        adata = read(name)
        n_cells = adata.obs["cell_type"].astype(str).value_counts()
        for label in n_cells.index[n_cells >= MIN_CELLS]:
            found.setdefault(name, {})[label] = one_label(adata, label)
            print(
                name,
                label,
                {k: round(v, 3) for k, v in found[name][label].items()},
                file=sys.stderr,
                flush=True,
            )
    every = [(name, *item) for name, labels in found.items() for item in labels.items()]
    print("| score | chosen on | other datasets | all labels | worst label | below 0.7 |")
    print("|---" * 6 + "|")
    for arm in every[0][2]:
        values = np.array([scores[arm] for *_, scores in every])
        chosen = np.array([name in CHOSEN_ON for name, *_ in every])
        halves = " | ".join(
            f"{values[some].mean():.3f}" if some.any() else "" for some in (chosen, ~chosen)
        )
        row = [arm, halves, f"{values.mean():.3f}"]
        if not arm.startswith("rejected"):
            row += [f"{values.min():.3f}", f"{(values < 0.7).sum()} of {len(values)}"]
        print("| " + " | ".join(row) + " |")
    shown = ("cellclass", "its label distance", "max. probability", "LR max. probability")
    print(f"\n| dataset | labels | {' | '.join(shown)} | lowest labels |")
    print("|---" * (len(shown) + 3) + "|")
    for name, labels in found.items():
        means = " | ".join(f"{np.mean([s[arm] for s in labels.values()]):.3f}" for arm in shown)
        worst = sorted(labels, key=lambda label: labels[label]["cellclass"])[:2]
        text = ", ".join(f"{label} {labels[label]['cellclass']:.2f}" for label in worst)
        print(f"| {name} | {len(labels)} | {means} | {text} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
