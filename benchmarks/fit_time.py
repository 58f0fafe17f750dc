"""Seconds and memory of a fit: the MLP beside logistic regressions of one C.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/fit_time.py [n_cells …]   (0: the cells as they are)

References are pbmc_zheng_facs (3,774 × 16,773) and sets of n_cells made from it: each cell is one
of a random real cell, its counts thinned to between 70 % and 100 %. All arms start from counts in
the same AnnData and run on one thread, each fit in a process of its own, arms in turn, three times
(once from 20,000 cells on); medians. CPU seconds of a whole fit: normalisation and gene ranking
count, imports and reading do not. The logistic regressions have C = 1 and scikit-learn's defaults
with at most 300 iterations. Memory is what the process takes at its peak beyond what it held before
the fit.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numba
import numpy as np
import scipy.sparse as sp
import torch
from _data import read
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import cellclass as cc

if TYPE_CHECKING:
    import anndata as ad

ARMS = ("MLP", "LR top 1000", "LR all genes")


def reference(n_cells: int) -> ad.AnnData:
    adata = read("pbmc_zheng_facs")
    if not n_cells:
        return adata
    rng = np.random.default_rng(0)
    rows = rng.integers(0, adata.n_obs, n_cells)
    made = adata[rows].copy()
    made.obs_names_make_unique()
    X = sp.csr_matrix(made.X)
    kept = np.repeat(rng.uniform(0.7, 1.0, n_cells), np.diff(X.indptr))
    X.data = rng.binomial(X.data.astype(np.int64), kept).astype(np.float32)
    X.eliminate_zeros()
    made.X = X
    return made


def mlp(adata: ad.AnnData) -> None:
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    cc.model.CellClassifierMLP(adata).train(accelerator="cpu", enable_progress_bar=False)


def logistic_regression(adata: ad.AnnData, n_top_genes: int | None) -> None:
    total = np.maximum(np.asarray(adata.X.sum(axis=1)).ravel(), 1)
    X = sp.csr_matrix(sp.diags_array(1e4 / total) @ adata.X, dtype=np.float32).log1p()
    if n_top_genes is not None:
        cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=n_top_genes, n_genes=1, n_threads=1)
        X = np.ascontiguousarray(X[:, adata.var["js_selected"].to_numpy()].toarray())
    LogisticRegression(max_iter=300).fit(X, adata.obs["cell_type"].astype(str).to_numpy())


def fit(arm: str, adata: ad.AnnData) -> None:
    if arm == "MLP":
        mlp(adata)
    else:
        logistic_regression(adata, 1000 if arm == "LR top 1000" else None)


def one_process(arm: str, n_cells: int) -> None:
    """Fit once to a few cells, so that everything is imported and compiled; then measure."""
    adata = reference(n_cells)
    fit(arm, adata[:200].copy())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    fit(arm, adata)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(seconds, (peak - before) / 1024)


def main() -> None:
    sizes = list(map(int, sys.argv[1:])) or [0, 10_000, 50_000]
    print(
        "| cells | "
        + " | ".join(f"{arm} s (MB)" for arm in ARMS)
        + " | MLP / LR 1000 | MLP / all |"
    )
    print("|---" * (len(ARMS) + 3) + "|")
    for n_cells in sizes:
        found: dict[str, list] = {arm: [] for arm in ARMS}
        for _ in range(3 if n_cells < 20_000 else 1):
            for arm in ARMS:
                command = [sys.executable, "-W", "ignore", __file__, "--one", arm, str(n_cells)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[arm].append([float(x) for x in done.stdout.split()[-2:]])
        median = {arm: np.median(values, axis=0) for arm, values in found.items()}
        cells = " | ".join("{:.1f} ({:.0f})".format(*median[arm]) for arm in ARMS)
        ratios = " | ".join(f"{median['MLP'][0] / median[arm][0]:.2f}" for arm in ARMS[1:])
        print(f"| {n_cells or 3774:,} | {cells} | {ratios} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        torch.set_num_threads(1)
        numba.config.NUMBA_NUM_THREADS = 1
        with threadpool_limits(1):
            one_process(sys.argv[2], int(sys.argv[3]))
    else:
        main()
