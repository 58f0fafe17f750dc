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
from cellclass.kernels import count_divergence


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

    @cached_property
    def at_median_depth(self) -> sp.csr_matrix:
        """Counts scaled to the median depth and rounded."""
        total = np.maximum(np.asarray(self.counts.sum(axis=1)).ravel(), 1)
        scaled = sp.csr_matrix(sp.diags_array(np.median(total) / total) @ self.counts)
        scaled.data = np.rint(scaled.data).astype(np.float32)
        scaled.eliminate_zeros()
        return scaled

    @cached_property
    def octaves(self) -> sp.csr_matrix:
        """Counts at the median depth in bins 0, 1, 2–3, 4–7, …"""
        binned = self.at_median_depth.copy()
        binned.data = np.frexp(binned.data)[1].astype(np.float32)
        return binned

    @cached_property
    def _per_label(self) -> dict:
        return {}

    def per_label(self, matrix: str, weights: str = "uniform") -> np.ndarray:
        """Divergence of each label against the rest, `(n_labels, n_genes)`."""
        if (matrix, weights) not in self._per_label:
            X = getattr(self, matrix)
            self._per_label[matrix, weights] = np.array(
                [
                    count_divergence(X, (self.codes == k).astype(np.int64), 2, weights=weights)
                    for k in range(len(self.labels))
                ]
            )
        return self._per_label[matrix, weights]

    @cached_property
    def sign(self) -> np.ndarray:
        """Sign of the difference of mean expression, label against rest."""
        one_hot = sp.csr_matrix(
            (np.ones(self.codes.size), (self.codes, np.arange(self.codes.size)))
        )
        n_cells = np.bincount(self.codes)[:, None]
        sums = (one_hot @ self.log_normalised).toarray()
        rest = (sums.sum(axis=0) - sums) / (self.codes.size - n_cells)
        return np.sign(sums / n_cells - rest)

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


def js_overall(cells, size, matrix="counts"):  # noqa: ARG001 - the order has every size
    X = getattr(cells, matrix)
    return best_first(count_divergence(X, cells.codes, len(cells.labels)))


def js_per_label(cells, size, matrix="counts", weights="uniform", direction="both"):  # noqa: ARG001
    """Union over labels of the one-against-rest divergence.

    Written out here until `cc.pp.rank_genes_js(..., top_by="per_label")` does the same.
    """
    scores = cells.per_label(matrix, weights)
    if direction == "up":
        scores = scores * cells.sign
    elif direction == "up first":
        scores = np.where(cells.sign > 0, scores, scores / 2)  # what is absent marks less well
    return round_robin(scores)


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


SELECTORS = {
    "JS per label": js_per_label,
    "JS per label, normalised": partial(js_per_label, matrix="at_median_depth"),
    "JS per label, norm. log2": partial(js_per_label, matrix="octaves"),
    "JS per label, norm. log2, up first": partial(
        js_per_label, matrix="octaves", direction="up first"
    ),
    "JS overall": js_overall,
    "JS normalised": partial(js_overall, matrix="at_median_depth"),
    "JS norm. log2": partial(js_overall, matrix="octaves"),
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

# Variants of the JS rankings, for choosing the recipe: `--selectors variants`.
VARIANTS = {
    "JS per label": js_per_label,
    "per label, up": partial(js_per_label, direction="up"),
    "per label, up first": partial(js_per_label, direction="up first"),
    "per label, frequency": partial(js_per_label, weights="frequency"),
    "JS per label, normalised": partial(js_per_label, matrix="at_median_depth"),
    "normalised, up": partial(js_per_label, matrix="at_median_depth", direction="up"),
    "normalised, up first": partial(js_per_label, matrix="at_median_depth", direction="up first"),
    "normalised, frequency": partial(js_per_label, matrix="at_median_depth", weights="frequency"),
    "normalised, frequency, up": partial(
        js_per_label, matrix="at_median_depth", weights="frequency", direction="up"
    ),
    "Wilcoxon": partial(scanpy_test, method="wilcoxon"),
    "t-test": partial(scanpy_test, method="t-test"),
}
