"""What a vote within clusters does to rare types, and how often rolled-up labels are right.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/hierarchy_and_votes.py [votes|hierarchy]

Votes: a model is trained on 40 % of the cells, or on half of the donors, conditions or technologies
where there are some. Of the other cells (6,000 at most) one label after the other, the six most
frequent ones with 30 cells or more, is thinned to 1 % of the rest: the planted type. "Recall" is
the share of planted cells with their label, "accuracy" that of all other cells. Clusters are made
by `cc.tl.majority_vote` from 50 principal components, fine (resolution 5 or 10) and coarse (1);
or they are the true labels, with the planted cells thrown into the largest one of another label, of
which they are then 1 %. Means over planted types, then over datasets. Needs igraph.

Hierarchy: five stratified folds of the datasets with finer and coarser labels. "Right" is a fine
label that is true or a coarse one that is the true cell's. Sets are the smallest ones whose
probabilities sum to the coverage.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import scanpy as sc
import torch
from _data import DATASETS, folds, read
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import cellclass as cc

VOTES = (
    "pbmc_zheng_facs",
    "pbmc_kang_8donors",
    "pbmc_ifnb",
    "pbmc3k",
    "pbmc_3tech",
    "pbmc10k_citeseq_rna",
    "mouse_bladder_mca",
    "ipsc_cardiac_d2d5",
    "mouse_embryo_seqfish",
    "mouse_cortex_osmfish",
)
HALVED = ("pbmc_kang_8donors", "pbmc_ifnb", "pbmc_3tech")
HIERARCHIES = ("pbmc_zheng_facs", "pbmc_ifnb", "pbmc3k", "human_fetal_cortex_camp")
ARMS = {"own": "cellclass", "voted": "cellclass_voted", "plain vote": "cellclass_voted_plain"}
CLUSTERS = ("true labels", "fine", "coarse")


def trained(reference):
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    return model


def annotated_query(name: str):
    """Train on a part of a dataset and annotate the rest, which gets principal components."""
    adata = read(name)
    labels = adata.obs["cell_type"].astype(str)
    if name in HALVED:
        levels = adata.obs[DATASETS[name]].astype(str)
        first = np.unique(levels)[: levels.nunique() // 2]
        train, test = np.flatnonzero(levels.isin(first)), np.flatnonzero(~levels.isin(first))
        test = test[labels.iloc[test].isin(labels.iloc[train])]
    else:
        known = np.flatnonzero(labels.map(labels.value_counts()) >= 4)
        train, test = train_test_split(
            known, test_size=0.6, random_state=0, stratify=labels.iloc[known]
        )
    test = np.sort(np.random.default_rng(0).permutation(test)[:6000])
    query = adata[test].copy()
    cc.tl.annotate(query, trained(adata[np.sort(train)].copy()))
    scaled = cc.pp.normalize_scale(query, copy=True)
    if scaled.n_vars > 2000:
        sc.pp.highly_variable_genes(scaled, n_top_genes=2000)
        scaled = scaled[:, scaled.var["highly_variable"]].copy()
    sc.pp.pca(scaled, n_comps=min(50, scaled.n_vars - 1))
    query.obsm["X_pca"] = scaled.obsm["X_pca"]
    return query


def planted_queries(query):
    """Yield queries in which one type is thinned, with `obs["planted"]` and true clusters."""
    labels = query.obs["cell_type"].astype(str).to_numpy()
    counts = pd.Series(labels).value_counts()
    rng = np.random.default_rng(0)
    for label in counts.index[counts >= 30][:6]:
        rest, of_label = np.flatnonzero(labels != label), np.flatnonzero(labels == label)
        n_planted = max(5, round(0.01 * len(rest)))
        if len(of_label) < n_planted:
            continue
        planted = rng.choice(of_label, n_planted, replace=False)
        cells = query[np.sort(np.concatenate([rest, planted]))].copy()
        cells.obs["planted"] = cells.obs["cell_type"].astype(str) == label
        host = counts.drop(label).index[0]
        cells.obs["true"] = cells.obs["cell_type"].astype(str).replace(label, host)
        # Of a host of fewer cells than the query, fewer planted ones are 1 %.
        n_too_many = n_planted - max(5, round(0.01 * counts[host]))
        if n_too_many > 0:
            places = np.flatnonzero(cells.obs["planted"])[:n_too_many]
            cells.obs.iloc[places, cells.obs.columns.get_loc("true")] = None
        yield cells


def score(cells, kind: str) -> dict[str, float]:
    if kind == "true labels":
        cc.tl.majority_vote(cells, "true")
        cells = cells[cells.obs["true"].notna()]
    else:
        cc.tl.majority_vote(cells, resolution=1.0 if kind == "coarse" else None)
    truth = cells.obs["cell_type"].astype(str).to_numpy()
    planted = cells.obs["planted"].to_numpy(dtype=bool)
    found = {}
    for arm, key in ARMS.items():
        right = cells.obs[key].astype(str).to_numpy() == truth
        found |= {f"{arm} recall": right[planted].mean(), f"{arm} acc": right[~planted].mean()}
        if arm != "plain vote":
            confidence = cells.obs[f"{key}_confidence"].to_numpy(dtype=np.float64)
            found[f"{arm} ECE"] = cc.metrics.expected_calibration_error(confidence, right)
    return found


def votes() -> None:
    head = " | ".join(f"{arm} recall / acc" for arm in ARMS)
    print(f"| dataset | clusters | types | {head} | own ECE | voted ECE |")
    print("|---" * 8 + "|")
    means: dict[str, list[pd.Series]] = {kind: [] for kind in CLUSTERS}
    for name in VOTES:
        queries = list(planted_queries(annotated_query(name)))
        for kind in CLUSTERS:
            mean = pd.DataFrame([score(cells.copy(), kind) for cells in queries]).mean()
            means[kind].append(mean)
            print(line(name, kind, len(queries), mean), flush=True)
    for kind, rows in means.items():
        print(line("**mean**", kind, "", pd.DataFrame(rows).mean()))


def line(name: str, kind: str, n_types: object, mean: pd.Series) -> str:
    arms = " | ".join(f"{mean[f'{arm} recall']:.3f} / {mean[f'{arm} acc']:.3f}" for arm in ARMS)
    errors = f"{mean['own ECE']:.3f} | {mean['voted ECE']:.3f}"
    return f"| {name} | {kind} | {n_types} | {arms} | {errors} |"


def smallest_sets(probability: pd.DataFrame, coverage: float) -> pd.DataFrame:
    p = probability.to_numpy(dtype=np.float64)
    order = np.argsort(-p, axis=1)
    before = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    first = np.arange(p.shape[1]) <= (before < coverage - 1e-6).sum(axis=1)[:, None]
    sets = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(sets, order, first, axis=1)
    return pd.DataFrame(sets, index=probability.index, columns=probability.columns)


def rolled_up(query, levels: pd.DataFrame, coverage: float, *, by_sets: bool) -> dict[str, float]:
    how = {"coverage": coverage}
    if by_sets:
        how = {"sets": smallest_sets(query.obsm["cellclass_probability"], coverage)}
    cc.tl.roll_up_labels(query, levels, **how)
    label = query.obs["cellclass_rolled_up"].astype(str).to_numpy()
    fine, broad = (
        query.obs[key].astype(str).to_numpy() for key in ("cell_type", "cell_type_broad")
    )
    none = label == "unassigned"
    in_model = query.obs["cellclass"].cat.categories
    is_fine = np.isin(label, in_model) & ~none
    right = (label == fine) | (label == broad)
    return {
        "right": right[~none].mean(),
        "fine": is_fine.mean(),
        "broad": (~is_fine & ~none).mean(),
        "none": none.mean(),
        "stated": query.obs["cellclass_rolled_up_confidence"].to_numpy()[~none].mean(),
        "depth": query.obs["cellclass_rolled_up_depth"].to_numpy()[~none].mean(),
        "own": (query.obs["cellclass"].astype(str).to_numpy() == fine).mean(),
    }


def hierarchy() -> None:
    print(
        "| dataset | fine, coarse labels | right without | coverage | by | right | confidence | "
        "fine | coarse | unassigned | mean depth |"
    )
    print("|---" * 11 + "|")
    for name in HIERARCHIES:
        adata = read(name)
        levels = adata.obs[["cell_type_broad", "cell_type"]]
        found: dict[tuple[float, bool], list[dict[str, float]]] = {}
        for train, test in folds(adata, None):
            query = adata[test].copy()
            cc.tl.annotate(query, trained(adata[train].copy()))
            for coverage in (0.8, 0.9, 0.95):
                for by_sets in (False, True):
                    scores = rolled_up(query, levels, coverage, by_sets=by_sets)
                    found.setdefault((coverage, by_sets), []).append(scores)
        n_labels = ", ".join(str(levels[key].nunique()) for key in ("cell_type", "cell_type_broad"))
        for (coverage, by_sets), rows in found.items():
            mean = pd.DataFrame(rows).mean()
            print(
                f"| {name} | {n_labels} | {mean['own']:.3f} | {coverage} | "
                f"{'sets' if by_sets else 'probability'} | {mean['right']:.3f} | "
                f"{mean['stated']:.3f} | {mean['fine']:.2f} | {mean['broad']:.2f} | "
                f"{mean['none']:.2f} | {mean['depth']:.2f} |",
                flush=True,
            )


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    asked = sys.argv[1:] or ["votes", "hierarchy"]
    if "votes" in asked:
        votes()
    if "hierarchy" in asked:
        hierarchy()


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
