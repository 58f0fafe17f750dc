"""Count a file that is larger than memory should be: `out_of_core.py FILE.h5ad MODE`.

MODE is `read` (the parts are read and dropped: the floor), `count`, `threads` or `cluster` (Dask
with two threads, and with two workers). Each prints CPU seconds, wall seconds and the largest
memory of the process; run each in a process of its own, on a file that `_big_file.py` made.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time

import anndata as ad

from cellclass.kernels import divergences
from cellclass.pp._count_source import _FileSource, count_tables_of


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def lazy(path: str, step: int | None = None):
    """Return `X` as a Dask array with `step` cells in a chunk, by default a fiftieth of them."""
    import h5py

    group = h5py.File(path, "r")["X"]
    step = step or max(1, group["indptr"].size // 50)
    return ad.experimental.read_elem_lazy(group, chunks=(step, group.attrs["shape"][1]))


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, mode = sys.argv[1:]
    adata = ad.read_h5ad(path, backed="r")
    codes = adata.obs["cell_type"].cat.codes.to_numpy()
    n_labels = int(codes.max()) + 1
    cpu, wall = time.process_time() + children(), time.perf_counter()
    tables = None
    if mode == "read":
        for _ in _FileSource(adata.X, progress=False).parts("Reading"):
            pass
    elif mode == "count":
        tables = count_tables_of(adata.X, codes, n_labels)
    else:
        import dask

        if mode == "cluster":
            from dask.distributed import Client

            client = Client(n_workers=2, threads_per_worker=1, processes=True)
            tables = count_tables_of(lazy(path), codes, n_labels)
            client.close()
        else:
            with dask.config.set(scheduler="threads", num_workers=2):
                tables = count_tables_of(lazy(path), codes, n_labels)
    cpu = time.process_time() + children() - cpu
    wall = time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line = f"{mode:8} CPU {cpu:6.1f} s, wall {wall:6.1f} s, peak memory {memory:.2f} GB"
    if tables is not None:
        result = divergences(tables)
        line += f", bits {hashlib.sha256(result.tobytes()).hexdigest()[:16]}"
        line += f", overflow {tables.overflow.size:,}, table {tables.table.nbytes >> 20} MiB"
    print(line, flush=True)


if __name__ == "__main__":
    main()
