"""Peak memory of `concat_references` over many files: `concat.py [N_FILES] [FOLDER]`.

Writes simulated files of about 60 MB of counts each, puts them together in a process of its own,
and compares the result with `anndata.concat` of the files. Memory is the largest resident size of
that process less what it had after two files of 50 cells, in units of one file's matrix in memory
(values and positions).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

N_OBS, N_VARS, PER_CELL = 4_000, 20_000, 1_900

MEASURE = """
import sys, time
from pathlib import Path
import cellclass as cc
def peak():  # since the last call; unlike ru_maxrss, not that of the process that started this one
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) / 1024
out, one, other, *paths = sys.argv[1:]
cc.io.concat_references([one, other], out + ".small.h5ad", labels_key="label")
peak()
before, start = peak(), time.perf_counter()
cc.io.concat_references(paths, out, labels_key="label")
print(before, peak(), time.perf_counter() - start)
"""


def write(folder: Path, number: int, *, n_obs: int, shuffle: bool) -> str:
    """One file; with `shuffle` its genes are in an order of its own."""
    rng = np.random.default_rng(number)
    indices = np.sort(
        np.argpartition(rng.random((n_obs, N_VARS), dtype=np.float32), PER_CELL)[:, :PER_CELL]
    ).astype(np.int32)
    data = (rng.poisson(1.5, indices.size) + 1).astype(np.float32)
    indptr = np.arange(n_obs + 1, dtype=np.int32) * PER_CELL
    labels = pd.Categorical.from_codes(rng.integers(0, 5, n_obs), list("VWXYZ"))
    adata = ad.AnnData(
        sparse.csr_matrix((data, indices.reshape(-1), indptr), shape=(n_obs, N_VARS)),
        obs=pd.DataFrame({"label": labels}, index=[f"{number}-{i}" for i in range(n_obs)]),
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(N_VARS)]),
    )
    if shuffle:
        adata = adata[:, rng.permutation(N_VARS)].copy()
        adata.X.sort_indices()
    path = folder / f"file{number}.h5ad"
    adata.write_h5ad(path)
    return str(path)


def is_equal(out: Path, paths: list[str]) -> bool:
    """Compare with the in-memory concatenation, file by file so that it fits."""
    found = ad.read_h5ad(out, backed="r")
    start = 0
    for path in paths:
        one = ad.read_h5ad(path)
        part = found[start : start + one.n_obs].to_memory()
        both = ad.concat([one[:0], one])[:, found.var_names]
        same = (part.X != both.X).nnz == 0 and part.obs_names.equals(both.obs_names)
        if not same or part.obs["label"].astype(str).tolist() != one.obs["label"].tolist():
            return False
        start += one.n_obs
    return start == found.n_obs


def measure(n_files: int, folder: Path, *, shuffle: bool) -> None:
    small = [write(folder, number, n_obs=50, shuffle=shuffle) for number in range(2)]
    small = [Path(path).rename(folder / f"small{n}.h5ad") for n, path in enumerate(small)]
    paths = [write(folder, number, n_obs=N_OBS, shuffle=shuffle) for number in range(n_files)]
    size = N_OBS * PER_CELL * 8 / 2**20
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder / "all.h5ad"), *map(str, small), *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, seconds = map(float, done.stdout.split())
    equal = is_equal(folder / "all.h5ad", paths)
    order = "of its own" if shuffle else "the same"
    cells = [n_files, f"{size:.0f}", order, f"{before:.0f}", f"{after:.0f}"]
    cells += [f"{(after - before) / size:.2f}", f"{seconds:.1f}", "yes" if equal else "NO"]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    (folder / "all.h5ad").unlink()
    print(f"({time.perf_counter() - start:.0f} s in all)", file=sys.stderr)


def main() -> None:
    n_files = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(
        "| files | one file, MiB | order of the genes | before, MiB | peak, MiB | "
        "files in memory | seconds | equal |"
    )
    print("|---:|---:|---|---:|---:|---:|---:|---|")
    for shuffle in (False, True):
        for n in (n_files // 4, n_files):
            with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as f:
                measure(n, Path(f), shuffle=shuffle)


if __name__ == "__main__":
    main()
