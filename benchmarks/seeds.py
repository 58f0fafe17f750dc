"""What the seed changes: five trainings on the same cells.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/seeds.py [dataset …]

One stratified fold of each dataset; the seed sets split, initial weights and minibatches. The first
seed is trained twice: "same bits" says whether all weights are equal.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import torch
from _data import folds, read
from threadpoolctl import threadpool_limits

import cellclass as cc

NAMES = ("pbmc_zheng_facs", "pbmc_ifnb", "pbmc3k", "mouse_bladder_mca", "ipsc_cardiac_d2d5")
SEEDS = (0, 1, 2, 3, 4)


def trained(reference, seed: int):
    reference = reference.copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, seed=seed)
    model.train(accelerator="cpu", enable_progress_bar=False)
    return model


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    print("| dataset | accuracy, mean ± sd | macro-F1, mean ± sd (min–max) | same bits |")
    print("|---|---|---|---|")
    for name in sys.argv[1:] or NAMES:
        adata = read(name)
        train, test = next(folds(adata, None))
        reference, query = adata[train].copy(), adata[test].copy()
        truth = query.obs["cell_type"].astype(str).to_numpy()
        models = [trained(reference, seed) for seed in SEEDS]
        again = trained(reference, SEEDS[0]).module.state_dict()
        same = all(torch.equal(x, again[k]) for k, x in models[0].module.state_dict().items())
        scores = [cc.metrics.classification_scores(truth, m.predict(query)) for m in models]
        accuracy = np.array([score["accuracy"] for score in scores])
        f1 = np.array([score["macro_f1"] for score in scores])
        print(
            f"| {name} | {accuracy.mean():.3f} ± {accuracy.std(ddof=1):.3f} "
            f"| {f1.mean():.3f} ± {f1.std(ddof=1):.3f} ({f1.min():.3f}–{f1.max():.3f}) "
            f"| {'yes' if same else 'no'} |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
