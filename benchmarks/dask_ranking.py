"""Rank genes on Dask over a file: `dask_ranking.py FOLDER [N_CELLS] [CELLS_PER_CHUNK]`.

Makes FOLDER/N_CELLS.h5ad with `_big_file.py`, if it is not there (500,000 cells × 20,000 genes, about
7 % of the values not 0). Then, each in a process of its own: the chunks are read and dropped in a
plain loop, by one worker process of Dask, and by two; the scale is told and the genes are ranked by
one worker and by two. Prints a table of wall seconds, CPU seconds of the workers and of the process
that asks, and the largest memory that a worker had; and the ratios that the targets are about.

Workers are warm: they have imported the package and loaded the compiled kernels before the clock
starts, and the file is in the page cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
from _big_file import write
from out_of_core import lazy

import cellclass as cc

ARMS = {
    "plain": "read, plain loop",
    "read 1": "read, one worker",
    "read 2": "read, two workers",
    "scale 1": "identify_scale, one worker",
    "scale 2": "identify_scale, two workers",
    "rank 1": "rank_genes_js, one worker",
    "rank 2": "rank_genes_js, two workers",
}


def usage() -> tuple[float, float]:
    """CPU seconds of this process, and the most memory it had (GB)."""
    status = Path("/proc/self/status").read_text()  # getrusage counts what the parent had, too
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return time.process_time(), int(peak.split()[1]) / 2**20


def lazy_cells(path: str, step: int) -> ad.AnnData:
    """Return an AnnData whose `X` is read by Dask, `step` cells at a time."""
    obs = ad.read_h5ad(path, backed="r").obs
    return ad.AnnData(lazy(path, step), obs=obs)


def read(adata: ad.AnnData) -> None:
    """Read each chunk and drop it."""
    import dask

    size = dask.delayed(lambda block: block.nnz)
    return sum(dask.compute(*map(size, adata.X.to_delayed().ravel().tolist())))


def rank(adata: ad.AnnData) -> str:
    cc.pp.rank_genes_js(adata, "cell_type")
    return hashlib.sha256(adata.var["js_divergence"].to_numpy().tobytes()).hexdigest()[:16]


def plain(path: str, step: int) -> dict:
    X = ad.io.sparse_dataset(ad.read_h5ad(path, backed="r").file["X"])
    wall, cpu = time.perf_counter(), time.process_time()
    answer = sum(X[start : start + step].nnz for start in range(0, X.shape[0], step))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"wall": wall, "cpu": cpu, "client": 0.0, "peak": [usage()[1]], "answer": answer}


def on_dask(what: str, n_workers: int, path: str, step: int) -> dict:
    from dask.distributed import Client, LocalCluster

    run = {"read": read, "rank": rank, "scale": cc.pp.identify_scale}[what]
    adata = lazy_cells(path, step)
    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit="4GB",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        few = adata[: 64 * n_workers].copy()
        few.X = few.X.rechunk((16, -1))
        few.obs["cell_type"] = np.array(["A", "B"])[np.arange(few.n_obs) % 2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are few cells
            run(few)  # imports, and loads compiled code
        before = client.run(usage)
        wall, cpu = time.perf_counter(), time.process_time()
        answer = run(adata)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        after = client.run(usage)
    return {
        "wall": wall,
        "cpu": sum(after[name][0] - before[name][0] for name in after),
        "client": cpu,
        "peak": [peak for _, peak in after.values()],
        "answer": str(answer),
    }


def main() -> None:
    folder, n_obs, step = Path(sys.argv[1]), *map(int, [*sys.argv[2:4], 500_000, 5_000][:2])
    path = folder / f"{n_obs}.h5ad"
    if len(sys.argv) > 4:
        what, *n_workers = sys.argv[4].split()
        arguments = str(path), step
        print(
            json.dumps(
                on_dask(what, int(*n_workers), *arguments) if n_workers else plain(*arguments)
            )
        )
        return
    if not path.exists():
        write(path, n_obs)
    found = {}
    print(f"{n_obs:,} cells, {step:,} in a chunk, {path.stat().st_size / 1e9:.2f} GB on disk\n")
    print(
        "| | wall s | workers' CPU s | client's CPU s | peak GB per worker |\n|---|---|---|---|---|"
    )
    for arm, name in ARMS.items():
        call = [sys.executable, __file__, str(folder), str(n_obs), str(step), arm]
        found[arm] = one = json.loads(subprocess.check_output(call))
        peaks = ", ".join(f"{peak:.2f}" for peak in one["peak"])
        print(f"| {name} | {one['wall']:.1f} | {one['cpu']:.1f} | {one['client']:.1f} | {peaks} |")
    for what, key in (("wall", "wall"), ("workers' CPU", "cpu")):
        time_of = {arm: one[key] for arm, one in found.items()}
        print(
            f"\n{what}: ranking over reading, one worker {time_of['rank 1'] / time_of['read 1']:.2f}"
            f" (over the plain loop {time_of['rank 1'] / time_of['plain']:.2f}), two workers "
            f"{time_of['rank 2'] / time_of['read 2']:.2f}; one worker over two: ranking "
            f"{time_of['rank 1'] / time_of['rank 2']:.2f}, reading "
            f"{time_of['read 1'] / time_of['read 2']:.2f}, scale "
            f"{time_of['scale 1'] / time_of['scale 2']:.2f}"
        )
    assert found["rank 1"]["answer"] == found["rank 2"]["answer"]
    print(f"\nbits of the divergences, one and two workers: {found['rank 1']['answer']}")
    print(f"load average (1, 5, 15 minutes): {os.getloadavg()}")


if __name__ == "__main__":
    main()
