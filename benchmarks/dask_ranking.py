"""Rank genes on Dask over a file: `dask_ranking.py FOLDER [N_CELLS [CELLS_PER_CHUNK [ARM ...]]]`.

Makes FOLDER/N_CELLS.h5ad with `_big_file.py`, if it is not there (500,000 cells × 20,000 genes,
about 7 % of the values not 0). Then, each in a process of its own: the chunks are read and dropped
in a plain loop, by one worker process of Dask and by two; the genes are ranked, and the scale is
told, by one worker and by two. Prints wall seconds; CPU seconds of the workers, of the busiest of
them, and of the process that asks; the largest memory that a worker had; and the ratios that the
targets are about. Where other processes use the cores, the CPU seconds are what to look at.

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
    "rank 1": "rank_genes_js, one worker",
    "rank 2": "rank_genes_js, two workers",
    "scale 1": "identify_scale, one worker",
    "scale 2": "identify_scale, two workers",
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
    return {"wall": wall, "cpu": [cpu], "client": 0.0, "peak": [usage()[1]], "answer": answer}


def on_dask(what: str, n_workers: int, path: str, step: int) -> dict:
    from dask.distributed import Client, LocalCluster

    run = {"read": read, "rank": rank, "scale": cc.pp.identify_scale}[what]
    adata = lazy_cells(path, step)
    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit="2GB",
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
        "cpu": [after[name][0] - before[name][0] for name in after],
        "client": cpu,
        "peak": [peak for _, peak in after.values()],
        "answer": str(answer),
    }


def table_row(name: str, one: dict) -> str:
    cpu, busiest, peak = sum(one["cpu"]), max(one["cpu"]), max(one["peak"])
    seconds = " | ".join(f"{value:.1f}" for value in (one["wall"], cpu, busiest, one["client"]))
    return f"| {name} | {seconds} | {peak:.2f} |"


def ratios(found: dict[str, dict]) -> None:
    """Print one arm over another, for all that were run."""
    pairs = [("rank 1", "read 1"), ("rank 2", "read 2"), ("rank 1", "plain")]
    pairs += [(f"{what} 1", f"{what} 2") for what in ("rank", "read", "scale")]
    print("\n| | wall | CPU of the workers | of the busiest |\n|---|---|---|---|")
    for one, other in pairs:
        if one in found and other in found:
            above, below = found[one], found[other]
            values = [above["wall"] / below["wall"]]
            values += [how(above["cpu"]) / how(below["cpu"]) for how in (sum, max)]
            cells = " | ".join(f"{value:.2f}" for value in values)
            print(f"| {ARMS[one]} ÷ {ARMS[other]} | {cells} |")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, n_obs, step = Path(sys.argv[1]), *map(int, [*sys.argv[2:4], 500_000, 5_000][:2])
    path = folder / f"{n_obs}.h5ad"
    if not path.exists():
        write(path, n_obs)
    found = {}
    print(f"{n_obs:,} cells, {step:,} in a chunk, {path.stat().st_size / 1e9:.2f} GB on disk\n")
    print("| | wall s | workers' CPU s | busiest worker's | client's | peak GB per worker |")
    print("|---|---|---|---|---|---|")
    for arm in sys.argv[4:] or ARMS:
        call = [sys.executable, __file__, "--arm", arm, str(path), str(step)]
        found[arm] = json.loads(subprocess.check_output(call))
        print(table_row(ARMS[arm], found[arm]), flush=True)
    ratios(found)
    bits = {arm: one["answer"] for arm, one in found.items() if arm.startswith("rank")}
    assert len(set(bits.values())) <= 1
    print(f"\nbits of the divergences: {bits}")
    print(f"load average (1, 5, 15 minutes): {os.getloadavg()}")


def run_arm(arm: str, path: str, step: int) -> None:
    what, *n_workers = arm.split()
    one = on_dask(what, int(*n_workers), path, step) if n_workers else plain(path, step)
    print(json.dumps(one))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--arm"]:
        run_arm(*sys.argv[2:4], int(sys.argv[4]))
    else:
        main()
