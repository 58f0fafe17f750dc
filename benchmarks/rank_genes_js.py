"""Time gene rankings on the same matrix: all arms interleaved in one process, medians.

    rank_genes_js.py s20k | s50k | FILE.h5ad   [--runs 5] [--skip wilcoxon,logreg]

`s20k` is 20,000 cells × 20,000 genes with 20 labels, `s50k` 50,000 × 20,000 with 50; a file has
counts in `.X` and labels in `obs["cell_type"]`. The floors come first: one streaming sum over the
stored arrays, and a scatter column sum. Packages that are not installed are left out. What takes
longer than a minute (`mutual_info_classif`, the loop) is extrapolated from a few genes.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import statistics
import time
import tracemalloc
import warnings

import anndata as ad
import numba
import numpy as np
import pandas as pd
from _big_file import simulate
from scipy import sparse

from cellclass.kernels import (
    count_divergence,
    count_tables,
    depth_factors,
    divergences,
    label_divergences,
)

MOST_DENSE = 1 << 27


@numba.njit(nogil=True)
def stream(words):
    total = np.uint64(0)
    for i in range(words.size):
        total += words[i]
    return total


@numba.njit(nogil=True)
def column_sum(data, indices, indptr, out):
    for row in range(indptr.size - 1):
        genes, values = (
            indices[indptr[row] : indptr[row + 1]],
            data[indptr[row] : indptr[row + 1]],
        )
        for i in range(genes.size):
            out[np.uint64(genes[i])] += values[i]


def words(array):
    flat = array.reshape(-1)
    return flat[: flat.size // 2 * 2].view(np.uint64)


def loop(column, codes, n_labels):
    """Do what the published code does for one gene: histograms, label by label."""
    values = np.unique(column)
    p = np.array([[np.mean(column[codes == k] == v) for v in values] for k in range(n_labels)])

    def entropy(q):
        return -sum(x * np.log(x) for x in q if x > 0)

    return entropy(p.mean(axis=0)) - np.mean([entropy(q) for q in p])


def read(name):
    if name in ("s20k", "s50k"):
        n_labels = 20 if name == "s20k" else 50
        X, codes = simulate(int(name[1:3]) * 1000, 20_000, n_labels)
    else:
        adata = ad.read_h5ad(name)
        adata = adata[adata.obs["cell_type"].notna()]
        codes = adata.obs["cell_type"].astype("category").cat.codes.to_numpy().astype(np.int64)
        X = sparse.csr_matrix(adata.X).astype(np.float32)
        X.sort_indices()
    return X, codes


def own_arms(X, codes, n_labels):
    """Return the floors and our own arms: name → (function, floor of that array kind)."""
    C = X.tocsc()
    arms = {
        "streaming sum": lambda: stream(words(X.data)) + stream(words(X.indices)),
        "scatter column sum": lambda: column_sum(X.data, X.indices, X.indptr, np.zeros(X.shape[1])),
    }
    n_dense = max(1, min(X.shape[1], MOST_DENSE // X.shape[0]))
    D = np.ascontiguousarray(X[:, :n_dense].toarray())
    F = np.asfortranarray(D)
    arms["streaming sum, dense"] = lambda: stream(words(D))
    for n_threads in (1, 2):
        for kind, Y in (("CSR", X), ("CSC", C), ("dense C", D), ("dense F", F)):
            arms[f"js {kind}, {n_threads} threads"] = lambda Y=Y, n=n_threads: count_divergence(
                Y, codes, n_labels, n_threads=n
            )

    def of_tables(**given):
        return divergences(count_tables(X, codes, n_labels, **given))

    arms["js CSR, normalized"] = lambda: of_tables(factors=depth_factors(X, codes), n_threads=1)
    arms["js CSR, log2"] = lambda: of_tables(bins="log2", n_threads=1)
    arms["js CSR, 8 bins"] = lambda: of_tables(bins=8, n_threads=1)
    arms["js CSR + one against rest"] = lambda: (  # from the same tables
        label_divergences(tables := count_tables(X, codes, n_labels, n_threads=1)),
        divergences(tables),
    )
    return arms


def other_arms(X, codes):
    """Return rankings of other packages: name → (function, by what to multiply its time)."""
    import scanpy as sc

    logging.disable(logging.INFO)
    labels = pd.Categorical.from_codes(codes, [f"T{k}" for k in range(codes.max() + 1)])
    log = ad.AnnData(X.copy(), obs=pd.DataFrame({"cell_type": labels}).rename(index=str))
    sc.pp.normalize_total(log, target_sum=1e4)
    sc.pp.log1p(log)
    arms = {}
    for method, given in (("wilcoxon", {}), ("t-test", {}), ("logreg", {"max_iter": 100})):
        arms[f"scanpy {method}"] = (
            lambda m=method, g=given: sc.tl.rank_genes_groups(log, "cell_type", method=m, **g),
            1,
        )
    if importlib.util.find_spec("illico"):
        from illico import asymptotic_wilcoxon

        arms["illico"] = (
            lambda: asymptotic_wilcoxon(
                log, group_keys="cell_type", reference=None, is_log1p=True, n_threads=1
            ),
            1,
        )
    if importlib.util.find_spec("cosg"):
        import cosg

        arms["cosg"] = (lambda: cosg.cosg(log, groupby="cell_type", n_genes_user=50), 1)
    from sklearn.feature_selection import mutual_info_classif

    some = np.random.default_rng(0).choice(X.shape[1], min(X.shape[1], 40), replace=False)
    few = X[:, some].toarray()
    arms["mutual_info_classif"] = (
        lambda: mutual_info_classif(few, codes, discrete_features=True),
        X.shape[1] / some.size,
    )
    # As a user of CSR would: each column is cut out of the matrix before its loop.
    arms["published loop"] = (
        lambda: [
            loop(X[:, [gene]].toarray().ravel(), codes, codes.max() + 1) for gene in some[:10]
        ],
        X.shape[1] / min(10, some.size),
    )
    return arms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--skip", default="")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    X, codes = read(given.data)
    n_labels = int(codes.max()) + 1
    print(f"{given.data}: {X.shape}, {X.nnz / 1e6:.1f}M non-zeros, {n_labels} labels")
    own = own_arms(X, codes, n_labels)
    others = other_arms(X, codes)
    skipped = [word for word in given.skip.split(",") if word]
    others = {k: v for k, v in others.items() if not any(word in k for word in skipped)}
    arms = {**{k: (f, 1, given.runs) for k, f in own.items()}}
    arms |= {k: (f, times, min(3, given.runs)) for k, (f, times) in others.items()}
    cpu, wall = {k: [] for k in arms}, {k: [] for k in arms}
    for k, (function, times, _) in arms.items():
        if times == 1 and k in own:  # compile
            function()
    for run in range(given.runs):
        for k, (function, times, runs) in arms.items():
            if run < runs:
                start = time.process_time(), time.perf_counter()
                function()
                cpu[k].append((time.process_time() - start[0]) * times)
                wall[k].append((time.perf_counter() - start[1]) * times)
    tracemalloc.start()
    count_divergence(X, codes, n_labels, n_threads=1)
    extra = tracemalloc.get_traced_memory()[1] / (X.data.nbytes + X.indices.nbytes)
    tracemalloc.stop()

    median = {k: statistics.median(v) for k, v in cpu.items()}
    full = median.get("js CSR + one against rest", median["js CSR, 1 threads"])
    print(f"{'':30}{'CPU ms':>11}{'wall ms':>11}{'× stream':>10}{'× scatter':>10}{'× js':>9}")
    for k, value in median.items():
        floor = median["streaming sum, dense" if "dense" in k else "streaming sum"]
        print(
            f"{k:30}{value * 1e3:11.1f}{statistics.median(wall[k]) * 1e3:11.1f}"
            f"{value / floor:10.1f}{value / median['scatter column sum']:10.2f}{value / full:9.1f}"
        )
    print(f"extra memory of js CSR: {extra:.1%} of the stored arrays")


if __name__ == "__main__":
    main()
