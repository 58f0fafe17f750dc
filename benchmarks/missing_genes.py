"""What missing genes cost, beside what the model says that they cost.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/missing_genes.py [dataset …]

Three stratified folds each. 10 to 70 % of a query's genes are removed: at random from all genes,
or those of largest divergence among the genes that the model reads. "said" is the accuracy that
`annotate` expects for such a query, measured on validation cells in training. The logistic
regression (C = 1, log1p CP10k, the same genes) reads zeros for missing genes. Per cent; one thread.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import torch
from _data import folds, read
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import cellclass as cc

NAMES = (
    "pbmc_zheng_facs",
    "pbmc3k",
    "pbmc_ifnb",
    "mouse_bladder_mca",
    "pbmc_kang_8donors",
    "pbmc10k_citeseq_rna",
    "ipsc_cardiac_d2d5",
)
SHARES = (0.0, 0.1, 0.3, 0.5, 0.7)


def gone(kind, share, contract, rng):
    """Names of the genes to remove."""
    if kind == "random":
        return rng.permutation(contract.genes)[: round(share * len(contract.genes))]
    order = np.argsort(-contract.importance, kind="stable")
    return contract.model_genes[order[: round(share * contract.n_genes)]]


def log1p_cp10k(adata, genes):
    """Expression of the genes as another tool would make it: zeros for those that are missing."""
    total = np.maximum(np.asarray(adata.X.sum(axis=1)), 1)
    place = adata.var_names.get_indexer(genes)
    X = np.zeros((adata.n_obs, len(genes)), dtype=np.float32)
    X[:, place >= 0] = adata.X[:, place[place >= 0]].toarray()
    return np.log1p(X / total * 1e4)


def one_fold(adata, train, test, seed):
    y = adata.obs["cell_type"].astype(str).to_numpy()
    reference, query = adata[train].copy(), adata[test].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    genes = model.contract.model_genes
    baseline = LogisticRegression(max_iter=300).fit(log1p_cp10k(reference, genes), y[train])
    rng = np.random.default_rng(seed)
    for kind in ("random", "important"):
        for share in SHARES:
            part = query[:, ~query.var_names.isin(gone(kind, share, model.contract, rng))].copy()
            peer = (baseline.predict(log1p_cp10k(part, genes)) == y[test]).mean()
            try:
                cc.tl.annotate(part, model)
            except cc.errors.GeneError:
                yield kind, share, np.nan, np.nan, peer
                continue
            said = part.uns["cellclass"]["contract_report"]["expected_accuracy"]
            actual = (part.obs["cellclass"].astype(str).to_numpy() == y[test]).mean()
            yield kind, share, actual, said, peer


def main() -> None:
    warnings.simplefilter("ignore")
    print("| dataset | missing | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |")
    print("|---" * (len(SHARES) + 2) + "|")
    for name in sys.argv[1:] or NAMES:
        adata = read(name)
        rows: dict = {}
        for fold, (train, test) in enumerate(folds(adata, None, n_folds=3)):
            for kind, share, *found in one_fold(adata, train, test, fold):
                rows.setdefault((kind, share), []).append(found)
        for kind in ("random", "important"):
            cells = []
            for share in SHARES:
                actual, said, peer = 100 * np.mean(rows[kind, share], axis=0)
                answer = "refused" if np.isnan(actual) else f"{actual:.1f}, said {said:.1f}"
                cells.append(f"{answer}; LR {peer:.1f}")
            print(f"| {name} | {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
