"""The same cells on several scales, given to one model: do the labels stay the same?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/scales.py [dataset …]

A model is trained on four fifths of a dataset's cells (counts). The others are given to it as
counts, and then transformed. For what is accepted, the table has the number of labels that differ
and the largest difference of a probability; "refused" is a `ScaleError`.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import scanpy as sc
from _data import DATASETS, folds, read

import cellclass as cc


def transformed(query) -> dict:
    cp10k, median = query.copy(), query.copy()
    sc.pp.normalize_total(cp10k, target_sum=1e4)
    sc.pp.normalize_total(median)
    log, median_log = sc.pp.log1p(cp10k, copy=True), sc.pp.log1p(median, copy=True)
    shuffled = log[:, np.random.default_rng(0).permutation(log.n_vars)].copy()
    z, base2, double = log.copy(), log.copy(), log.copy()
    z.X = z.X.toarray()
    sc.pp.scale(z)
    base2.X = base2.X / np.log(2)
    double.X = np.log1p(double.X.toarray())
    return {
        "CP10k": cp10k,
        "log1p CP10k": log,
        "log1p of median depth": median_log,
        "log1p CP10k, genes shuffled": shuffled,
        "z-scored": z,
        "log1p, base 2": base2,
        "log1p twice": double,
    }


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    warnings.filterwarnings("ignore", message="adata.X seems to be already log-transformed")
    head = None
    for name in sys.argv[1:] or DATASETS:
        adata = read(name)
        train, test = next(iter(folds(adata, None)))
        reference, query = adata[train].copy(), adata[test].copy()
        cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
        model = cc.model.CellClassifierMLP(reference)
        model.train(enable_progress_bar=False)
        expected, labels = model.predict(query, soft=True), model.predict(query)
        cells = {}
        for scale, other in transformed(query).items():
            try:
                found = model.predict(other, soft=True)
            except cc.errors.ScaleError:
                cells[scale] = "refused"
                continue
            n_differ = int((model.predict(other) != labels).sum())
            cells[scale] = f"{n_differ} ({np.abs(found - expected).max().max():.0e})"
        if head is None:
            head = f"| dataset | cells | {' | '.join(cells)} |"
            print(head, "|---" * (len(cells) + 2) + "|", sep="\n")
        print(f"| {name} | {query.n_obs} | {' | '.join(cells.values())} |", flush=True)


if __name__ == "__main__":
    main()
