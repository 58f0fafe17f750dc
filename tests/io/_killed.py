"""Convert in processes that are killed at random moments: `_killed.py FOLDER SUFFIX`.

Prints as JSON what the final name held each time: "nothing", "complete" or "something else".
What touches files runs in forked processes, so that this one has no threads and imports once.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import anndata as ad
import numpy as np

from cellclass.io import convert_gene_by_cell

KILLS = 10


HELD = ("nothing", "complete", "something else")


def start(function) -> int:
    """Call a function in a process of its own, whose exit status is what it returns."""
    process = os.fork()
    if process == 0:
        status = 99
        try:
            status = function()
        finally:
            os._exit(status)
    return process


def status_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def convert(path: Path, out: Path) -> int:
    convert_gene_by_cell(path, out, max_memory="2MB", overwrite=True)
    return 0


def what_is_held(out: Path, X: np.ndarray) -> int:
    if not out.exists():
        return 0
    read = ad.read_h5ad if out.suffix == ".h5ad" else ad.read_zarr
    return 1 if np.array_equal(read(out).X.toarray(), X.T) else 2


def main() -> None:
    folder, suffix = Path(sys.argv[1]), sys.argv[2]
    path, out = folder / "in.csv", folder / f"out{suffix}"
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (1000, 300)).astype(np.float32)
    with path.open("w") as file:
        file.write(",".join(f"cell{i}" for i in range(X.shape[1])) + "\n")
        for gene, row in enumerate(X.astype(int).tolist()):
            file.write(f"gene{gene}," + ",".join(map(str, row)) + "\n")

    def held() -> str:
        return HELD[status_of(start(lambda: what_is_held(out, X)))]

    since = time.monotonic()
    status_of(start(lambda: convert(path, out)))
    took = time.monotonic() - since
    first, found, partial, draw = held(), [], 0, random.Random(0)
    for kill in range(KILLS):
        if kill == KILLS // 2:  # the others have something to overwrite
            out.unlink() if out.is_file() else shutil.rmtree(out)
        process = start(lambda: convert(path, out))
        time.sleep(draw.uniform(0, 1.1 * took))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        partial += any(folder.glob(".out*.partial"))
        found.append(held())
    restart = status_of(start(lambda: convert(path, out)))
    result = {"first": first, "found": found, "partial": partial, "restart": restart}
    left = sorted(entry.name for entry in folder.iterdir())
    sys.stdout.write(json.dumps({**result, "last": held(), "left": left}))


if __name__ == "__main__":
    main()
