"""How far attributions of genes agree between models of other folds, and of other seeds.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/attributions.py [dataset …]

Three models are trained on the training cells of three folds, and three with other seeds on those
of the first; all are asked for the genes of the same cells, those of the first fold that are left
out. Printed: means over labels of Spearman's correlation of the genes and of the share of the 20
best genes that two models have in common, the share to expect by chance, the seconds of one model's
attributions, and the share of the 20 best that are among the 20 of largest JS divergence of that
label from the rest.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import torch
from _data import folds, read

import cellclass as cc

DATASETS = ("pbmc3k", "pbmc_zheng_facs", "mouse_bladder_mca", "mouse_embryo_deng")
_N_TOP = 20


def trained(adata, rows, seed: int):
    reference = adata[rows].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, seed=seed)
    model.train(enable_progress_bar=False)
    return model


def by_divergence(adata, found) -> float:
    """Share of the best genes that the JS divergence of the label ranks best, too."""
    cc.pp.rank_genes_js(adata, "cell_type", bins="log2")
    shares = []
    for label in found.columns[found.notna().all()]:
        best = cc.get.rank_genes_js_df(adata, label=label)
        best = best[best["names"].isin(found.index)]["names"][:_N_TOP]
        shares.append(found[label].nlargest(_N_TOP).index.isin(best).mean())
    return float(np.mean(shares))


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    head = "dataset | models differ by | rank correlation | 20 best | by chance | 20 best by JS | s"
    print(f"| {head} |\n" + "|---" * 7 + "|")
    for name in sys.argv[1:] or DATASETS:
        adata = read(name)
        adata.obs["cell_type"] = adata.obs["cell_type"].astype(str).astype("category")
        some = list(folds(adata, None))[:3]
        query = adata[some[0][1]].copy()
        first = trained(adata, some[0][0], 0)
        kinds = {
            "folds": [first, *(trained(adata, train, 0) for train, _ in some[1:])],
            "seeds": [first, *(trained(adata, some[0][0], seed) for seed in (1, 2))],
        }
        for kind, models in kinds.items():
            start = time.process_time()
            found = [m.get_gene_attributions(query, labels_key="cell_type") for m in models]
            seconds = (time.process_time() - start) / len(models)
            mean = cc.metrics.attribution_stability(found, n_top_genes=_N_TOP).mean()
            cells = " | ".join(f"{value:.2f}" for value in mean.iloc[:3])
            print(
                f"| {name} | {kind} | {cells} | {by_divergence(adata, found[0]):.2f} | "
                f"{seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
