"""Real labelled datasets and their splits, for the benchmarks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anndata as ad
import numpy as np
from sklearn.model_selection import StratifiedKFold

#: Datasets, and the `obs` column whose levels are held out one after the other.
DATASETS = {
    "pbmc_zheng_facs": None,
    "pbmc_kang_8donors": "donor",
    "pbmc_ifnb": "condition",
    "pbmc3k": None,
    "pbmc_3tech": "tech",
    "pbmc10k_citeseq_rna": None,
    "mouse_bladder_mca": None,
    "ipsc_cardiac_d2d5": "day",
    "mouse_embryo_deng": None,
    "mouse_embryo_seqfish": None,
    "mouse_cortex_osmfish": None,
    "pancreas_baron_2species": "species",
    "celllines3_2tech": "tech",
    "human_lines_pollen": None,
    "human_fetal_cortex_camp": None,
    "human_organoid100": None,
}


def folder() -> Path:
    """The folder with the datasets, from the environment."""
    if "CELLCLASS_TEST_DATA" not in os.environ:
        sys.exit("Set CELLCLASS_TEST_DATA to the folder with the datasets.")
    return Path(os.environ["CELLCLASS_TEST_DATA"])


def read(name: str) -> ad.AnnData:
    """Read a dataset as counts with `obs["cell_type"]`, without unlabelled cells."""
    adata = ad.read_h5ad(folder() / f"{name}.h5ad")
    adata.var_names = adata.var_names.astype(str)
    if name == "pancreas_baron_2species":
        adata.var_names = adata.var_names.str.upper()
    adata.var_names_make_unique()
    return adata[adata.obs["cell_type"].notna()].copy()


def folds(adata: ad.AnnData, groups: str | None, *, n_folds: int = 5, seed: int = 0):
    """Yield `(train, test)` positions: stratified folds, or one level of `groups` held out."""
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    if groups is None:
        # A label with fewer cells than folds cannot be in every fold; scikit-learn says so with
        # a warning, so they are spread by hand.
        counts = dict(zip(*np.unique(labels, return_counts=True), strict=True))
        strata = np.array([x if counts[x] >= n_folds else "rare" for x in labels])
        if (strata == "rare").sum() < n_folds:
            strata[strata == "rare"] = max(counts, key=counts.get)
        split = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        yield from split.split(np.zeros(len(labels)), strata)
        return
    levels = adata.obs[groups].astype(str).to_numpy()
    for level in np.unique(levels):
        train, test = np.flatnonzero(levels != level), np.flatnonzero(levels == level)
        test = test[np.isin(labels[test], labels[train])]  # nobody can name what was never shown
        if len(np.unique(labels[train])) > 1 and len(test):
            yield train, test
