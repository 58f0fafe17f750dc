"""The tasks that classifiers are compared on: cells to learn from, cells to name.

Three kinds: "within" (5 stratified folds of a dataset), "held out" (each donor, technology,
condition, day or species of a dataset in turn), "across" (from one blood dataset to another, on
their shared genes and the labels of `cell_type_broad` that both have).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import permutations

import anndata as ad
import numpy as np
import scipy.sparse as sp
from _data import DATASETS, folds, read

import cellclass as cc

KINDS = ("within", "held out", "across")
BLOOD = ("pbmc3k", "pbmc_ifnb", "pbmc10k_citeseq_rna", "pbmc_kang_8donors")
SMALL_FIRST = (
    "human_organoid100",
    "human_fetal_cortex_camp",
    "mouse_embryo_deng",
    "human_lines_pollen",
    "pancreas_baron_2species",
    "celllines3_2tech",
    "ipsc_cardiac_d2d5",
    "pbmc_3tech",
    "mouse_cortex_osmfish",
    "mouse_bladder_mca",
    "pbmc3k",
    "pbmc_ifnb",
    "pbmc_zheng_facs",
    "pbmc10k_citeseq_rna",
    "mouse_embryo_seqfish",
    "pbmc_kang_8donors",
)


@dataclass
class Fold:
    """One fit: counts and labels of the training and the test cells, over the same genes.

    `test` holds the positions of the test cells in the dataset, as `_data.read` returns it.
    """

    task: Task
    number: int
    counts_train: sp.csr_matrix
    counts_test: sp.csr_matrix
    y_train: np.ndarray
    y_test: np.ndarray
    genes: np.ndarray
    test: np.ndarray

    @property
    def file_name(self) -> str:
        return f"{self.task.dataset}__{self.task.kind.replace(' ', '_')}__{self.number}.npz"

    @cached_property
    def train(self) -> sp.csr_matrix:
        """log1p CP10k of the training cells."""
        return log1p_normalized(self.counts_train)

    @cached_property
    def query(self) -> sp.csr_matrix:
        """log1p CP10k of the test cells."""
        return log1p_normalized(self.counts_test)

    def top_genes(self, n_genes: int) -> np.ndarray:
        """Positions of the best genes by Jensen–Shannon divergence on the training cells."""
        if len(self.genes) <= n_genes:
            return np.arange(len(self.genes))
        reference = self.reference()
        cc.pp.rank_genes_js(reference, "cell_type", n_top_genes=n_genes, n_genes=1, n_threads=1)
        return np.flatnonzero(reference.var["js_selected"])

    def reference(self) -> ad.AnnData:
        """The training cells, counts in `X`, labels in `obs["cell_type"]`."""
        adata = ad.AnnData(self.counts_train.copy())
        adata.obs_names = [f"train{i}" for i in range(adata.n_obs)]
        adata.var_names = self.genes
        adata.obs["cell_type"] = self.y_train
        return adata

    def query_adata(self) -> ad.AnnData:
        """The test cells, counts in `X`, without labels."""
        adata = ad.AnnData(self.counts_test.copy())
        adata.obs_names = [f"test{i}" for i in range(adata.n_obs)]
        adata.var_names = self.genes
        return adata


@dataclass(frozen=True)
class Task:
    """A dataset (or `from--to`), and how it is split; `groups` is the column held out."""

    dataset: str
    kind: str
    groups: str | None = None

    def folds(self):
        """Yield the folds."""
        if self.kind == "across":
            yield self._across()
            return
        adata = _read(self.dataset)
        labels = adata.obs["cell_type"].astype(str).to_numpy()
        X, genes = sp.csr_matrix(adata.X), adata.var_names.to_numpy(str)
        for number, (train, test) in enumerate(folds(adata, self.groups)):
            yield Fold(self, number, X[train], X[test], labels[train], labels[test], genes, test)

    def _across(self) -> Fold:
        source, target = (_read(name) for name in self.dataset.split("--"))
        genes = source.var_names.intersection(target.var_names)
        labels = [a.obs["cell_type_broad"].astype(str).to_numpy() for a in (source, target)]
        both = np.intersect1d(*labels)
        train, test = (np.flatnonzero(np.isin(y, both)) for y in labels)
        return Fold(
            self,
            0,
            sp.csr_matrix(source[train, genes].X),
            sp.csr_matrix(target[test, genes].X),
            labels[0][train],
            labels[1][test],
            genes.to_numpy(str),
            test,
        )


def tasks(names=()) -> list[Task]:
    """All tasks, small datasets first; with names, those of these datasets or `from--to` pairs."""
    found = []
    for name in SMALL_FIRST:
        found.append(Task(name, "within"))
        if DATASETS[name] is not None:
            found.append(Task(name, "held out", DATASETS[name]))
    found += [Task(f"{a}--{b}", "across") for a, b in permutations(BLOOD, 2)]
    return [task for task in found if not names or task.dataset in names]


def log1p_normalized(X, target_sum: float = 1e4) -> sp.csr_matrix:
    """`log(1 + counts / depth · target_sum)`; an empty cell stays empty."""
    X = sp.csr_matrix(X, dtype=np.float32)
    total = np.asarray(X.sum(axis=1)).ravel()
    return sp.csr_matrix(X.multiply((target_sum / np.maximum(total, 1))[:, None])).log1p()


@lru_cache(maxsize=4)
def _read(name: str) -> ad.AnnData:
    return read(name)
