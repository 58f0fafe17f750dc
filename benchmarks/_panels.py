"""Gene panels: each selector ranks the genes on the training cells of a fold."""

from __future__ import annotations

import warnings
from functools import cached_property, partial

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp
from sklearn.feature_selection import f_classif

import cellclass as cc


def log1p_cp10k(counts: sp.csr_matrix) -> sp.csr_matrix:
    total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    return sp.csr_matrix(sp.diags_array(1e4 / total) @ counts, dtype=np.float32).log1p()


class TrainingCells:
    """Counts and labels of the training cells, and what several selectors need of them."""

    def __init__(self, adata: ad.AnnData, *, seed: int = 0) -> None:
        self.counts = sp.csr_matrix(adata.X, dtype=np.float32)
        self.labels, self.codes = np.unique(
            adata.obs["cell_type"].astype(str).to_numpy(), return_inverse=True
        )
        self.genes = adata.var_names
        self.seed = seed
        self.orders: dict = {}  # of selectors whose order is the same for every size

    @property
    def n_genes(self) -> int:
        return self.counts.shape[1]

    @cached_property
    def log_normalised(self) -> sp.csr_matrix:
        return log1p_cp10k(self.counts)

    def annotated(self, X: sp.csr_matrix, *, least: int = 1) -> ad.AnnData:
        """AnnData of the cells whose label has at least `least` cells."""
        keep = (np.bincount(self.codes) >= least)[self.codes]
        adata = ad.AnnData(X[keep].copy())
        adata.var_names = self.genes
        adata.obs_names = adata.obs_names.astype(str)
        adata.obs["label"] = self.labels[self.codes[keep]]
        adata.obs["label"] = adata.obs["label"].astype("category")
        return adata


def best_first(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")


def round_robin(scores: np.ndarray) -> np.ndarray:
    """Union of the best genes of each label, in turns, `scores` being `(n_labels, n_genes)`."""
    orders = np.argsort(-scores, axis=1, kind="stable")
    return first_of_each(orders.T.ravel())


def union(cells: TrainingCells, names: pd.DataFrame) -> np.ndarray:
    """Round robin over the columns of gene names, each with its best gene first."""
    return first_of_each(cells.genes.get_indexer(names.to_numpy().ravel()))


def first_of_each(turns: np.ndarray) -> np.ndarray:
    _, first = np.unique(turns, return_index=True)
    return turns[np.sort(first)]


# Each selector: (training cells, size) -> positions of the genes, best first.


def js(cells, size, **how):
    adata = cells.annotated(cells.counts)
    cc.pp.rank_genes_js(adata, "label", n_top_genes=min(size, cells.n_genes), **how)
    return np.flatnonzero(adata.var["js_selected"])


def mrmr(cells, size, **how):
    adata = cells.annotated(cells.counts)
    n_candidates = min(max(1000, 2 * size), cells.n_genes)
    cc.pp.select_genes_mrmr(
        adata, "label", n_top_genes=min(size, cells.n_genes), n_candidates=n_candidates, **how
    )
    return best_first(-adata.var["mrmr_rank"].to_numpy())


def scanpy_test(cells, size, method):  # noqa: ARG001
    if method not in cells.orders:
        adata = cells.annotated(cells.log_normalised, least=2)
        sc.tl.rank_genes_groups(adata, "label", method=method)
        names = pd.DataFrame.from_records(adata.uns["rank_genes_groups"]["names"])
        cells.orders[method] = union(cells, names)
    return cells.orders[method]


def cosg_union(cells, size):  # noqa: ARG001
    import cosg

    if "cosg" not in cells.orders:
        adata = cells.annotated(cells.log_normalised)
        cosg.cosg(
            adata,
            groupby="label",
            n_genes_user=cells.n_genes,
            remove_lowly_expressed=False,
            key_added="cosg",
        )
        cells.orders["cosg"] = union(cells, pd.DataFrame(adata.uns["cosg"]["names"]))
    return cells.orders["cosg"]


def hvg_seurat_v3(cells, size):
    adata = cells.annotated(cells.counts)
    seen = np.flatnonzero(adata.X.getnnz(axis=0) > 0)
    adata = adata[:, seen].copy()
    for span in (0.3, 0.5, 0.8, 1.0):
        try:
            sc.pp.highly_variable_genes(
                adata, flavor="seurat_v3", n_top_genes=min(size, seen.size), span=span
            )
            break
        except ValueError:  # the local regression needs more genes of like mean
            continue
    return seen[best_first(adata.var["variances_norm"].to_numpy())]


def f_test(cells, size):  # noqa: ARG001
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return best_first(f_classif(cells.log_normalised, cells.codes)[0])


def random_genes(cells, size):  # noqa: ARG001
    seen = np.flatnonzero(cells.counts.getnnz(axis=0) > 0)
    return np.random.default_rng(cells.seed).permutation(seen)


OVERALL = {"top_by": "overall"}
AT_DEPTH = {"normalize": True}
SELECTORS = {
    "JS per label": js,  # at the median depth, in octaves
    "JS per label, plain counts": partial(js, normalize=False),
    "JS overall": partial(js, **OVERALL),
    "JS normalised": partial(js, **OVERALL, **AT_DEPTH),
    "JS norm. log2": partial(js, **OVERALL, **AT_DEPTH, bins="log2"),
    "CMIM": partial(mrmr, method="cmim"),
    "JMI": partial(mrmr, method="jmi"),
    "mRMR difference": partial(mrmr, method="correlation"),
    "mRMR quotient": partial(mrmr, method="correlation", scheme="quotient"),
    "Wilcoxon": partial(scanpy_test, method="wilcoxon"),
    "t-test": partial(scanpy_test, method="t-test"),
    "HVG Seurat v3": hvg_seurat_v3,
    "COSG": cosg_union,
    "f_classif": f_test,
    "random": random_genes,
}

# Variants of the JS ranking, for choosing the recipe: `--selectors variants`.
VARIANTS = {
    "JS per label": js,
    "plain counts": partial(js, normalize=False),
    "plain counts, log2": partial(js, bins="log2"),
    "normalised": partial(js, **AT_DEPTH),
    "normalised, half octaves": partial(js, **AT_DEPTH, bins=("log2", 2)),
    "Wilcoxon": partial(scanpy_test, method="wilcoxon"),
}
