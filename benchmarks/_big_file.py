"""Write simulated counts of many cells to an h5ad file: `_big_file.py OUT [N_CELLS]`."""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

N_VARS, N_LABELS, BLOCK = 20_000, 30, 5_000


def simulate(n_obs: int, n_vars: int, n_labels: int, *, seed: int = 0):
    """Draw overdispersed counts, about 7 % of them not 0: CSR float32, and the labels."""
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(-3.6, 1.65, n_vars)
    fold = np.exp(rng.normal(0, 0.4, (n_labels, n_vars)))
    codes = rng.integers(0, n_labels, n_obs)
    blocks = []
    for start in range(0, n_obs, 1000):
        some = codes[start : start + 1000]
        rate = (mean * fold[some] * rng.lognormal(0, 0.4, some.size)[:, None]).astype(np.float32)
        rate *= rng.standard_gamma(1.0, rate.shape, dtype=np.float32)
        blocks.append(sparse.csr_matrix(rng.poisson(rate).astype(np.float32)))
    return sparse.vstack(blocks, format="csr"), codes


def write(path: Path, n_obs: int, n_vars: int = N_VARS) -> None:
    """Write a CSR `.X` block by block; every cell is one of 20,000 simulated ones."""
    X, codes = simulate(4 * BLOCK, n_vars, N_LABELS)
    rows = np.random.default_rng(0).integers(0, X.shape[0], n_obs)
    labels = pd.Categorical.from_codes(codes[rows], [f"T{k}" for k in range(N_LABELS)])
    obs = pd.DataFrame({"cell_type": labels}, index=[f"c{i}" for i in range(n_obs)])
    ad.AnnData(sparse.csr_matrix((n_obs, n_vars), dtype=np.float32), obs=obs).write_h5ad(path)
    indptr = np.concatenate([[0], np.cumsum(np.diff(X.indptr)[rows], dtype=np.int64)])
    with h5py.File(path, "a") as file:
        group = file["X"]
        for name, dtype in (("data", np.float32), ("indices", np.int32)):
            del group[name]
            options = {"chunks": (1 << 18,), "compression": "lzf", "shuffle": True}
            group.create_dataset(name, shape=(indptr[-1],), dtype=dtype, **options)
        del group["indptr"]
        group["indptr"] = indptr
        for start in range(0, n_obs, BLOCK):
            block = X[rows[start : start + BLOCK]]
            inside = slice(indptr[start], indptr[start] + block.nnz)
            group["data"][inside], group["indices"][inside] = block.data, block.indices


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500_000)
