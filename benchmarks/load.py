"""Long and large: memory over minutes of prediction, many processes, many labels, many genes.

Usage: python benchmarks/load.py FOLDER [loop] [processes] [labels] [genes] [--minutes 20]

`loop`: 500,000 cells × 2,000 genes are labelled from file to file again and again; after each round
the resident memory of the process is noted. The slopes are those of least-squares lines through the
rounds after the first, and through the last two thirds of the time, with their standard errors.
After the second, the twelfth and the last round, what the C library keeps of what was freed is
given back first, and the memory that is held then is printed, too. `processes`: eight processes
load one saved model at once and label the same cells; their answers must be those of one. `labels`:
a reference of 10,000 labels with about five cells each is trained on for one epoch, saved, loaded,
and labels its own cells. `genes`: the same with 60,000 genes and four labels, with the genes ranked
before. What is found is printed, with the largest memory of the process beyond its imports; FOLDER
keeps the file of cells.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import hashlib
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from _big_file import simulate, write

import cellclass as cc

N_CELLS, N_GENES, N_PROCESSES = 500_000, 2_000, 8
N_LABELS, MANY_GENES = 10_000, 60_000
PARTS = ("loop", "processes", "labels", "genes")


def peak() -> float:
    """Return the largest memory of this process, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def fitted(cells, **arguments):
    cc.model.CellClassifierMLP.setup_anndata(cells, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(cells, **arguments)
    model.train(max_epochs=1, enable_progress_bar=False)
    return model


def saved_model(folder: Path) -> Path:
    """Train on simulated cells with the genes of the file, once."""
    import anndata as ad

    path = folder / "load_model"
    if not path.exists():
        cells = ad.read_h5ad(file_of_cells(folder), backed="r")[:20_000].to_memory()
        fitted(cells).save(path)
    return path


def file_of_cells(folder: Path) -> Path:
    path = folder / "load_cells.h5ad"
    if not path.exists():
        write(path, N_CELLS, N_GENES)
    return path


def given_back() -> float:
    """Give what is free back to the system, and return the resident memory in MB."""
    ctypes.CDLL(ctypes.util.find_library("c")).malloc_trim(0)
    return psutil.Process().memory_info().rss / 2**20


def loop(folder: Path, minutes: float) -> None:
    model = cc.model.CellClassifierMLP.load(saved_model(folder))
    path, out = file_of_cells(folder), folder / "load_labels.csv"
    begin, seen, first, held = time.perf_counter(), [], None, []
    while time.perf_counter() - begin < 60 * minutes:
        cc.tl.annotate(path, model, out=out, overwrite=True, progress=False)
        answer = hashlib.sha256(out.read_bytes()).hexdigest()
        first = first or answer
        if answer != first:
            sys.exit("the answers of two rounds differ")
        memory = psutil.Process().memory_info().rss / 2**20
        seen.append(((time.perf_counter() - begin) / 60, memory))
        print(f"{seen[-1][0]:.1f} min: {memory:.0f} MB", file=sys.stderr)
        if len(seen) in (2, 12):
            held.append(given_back())
    held.append(given_back())
    at, memory = np.array(seen[1:]).T
    later = at >= at[-1] / 3  # libraries fill their caches first
    slopes = []
    for part in (at > 0, later):
        if part.sum() < 4:
            slopes.append("too few rounds for a slope in")
            continue
        line, covariance = np.polyfit(at[part], memory[part], 1, cov=True)
        slopes.append(f"{line[0]:+.1f} ± {covariance[0, 0] ** 0.5:.1f}")
    print(
        f"| loop | {len(seen)} × {N_CELLS:,} cells in {seen[-1][0]:.1f} min, every answer the same "
        f"| {memory[0]:.0f} MB after the second round, {memory[-1]:.0f} MB after the last: "
        f"{slopes[0]} MB/min, in the last two thirds {slopes[1]}; held after the second, the "
        f"twelfth and the last: {', '.join(f'{one:.0f}' for one in held)} MB |"
    )


def one_process(folder: Path) -> None:
    """Print a checksum of the answers; `processes` starts several of these."""
    import anndata as ad

    cells = ad.read_h5ad(file_of_cells(folder), backed="r")[:20_000].to_memory()
    model = cc.model.CellClassifierMLP.load(saved_model(folder))
    soft = model.predict(cells, soft=True)
    print(hashlib.sha256(np.ascontiguousarray(soft.to_numpy())).hexdigest())


def processes(folder: Path) -> None:
    saved_model(folder)
    command = [sys.executable, __file__, str(folder), "one-process"]
    alone = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    begin = time.perf_counter()
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(N_PROCESSES)
    ]
    answers = [each.communicate()[0] for each in running]
    ended = sum(each.returncode == 0 for each in running)
    same = sum(answer == alone for answer in answers)
    print(
        f"| processes | {ended} of {N_PROCESSES} ended well, {same} with the bits of one alone "
        f"| {time.perf_counter() - begin:.0f} s |"
    )


def many(what: str, folder: Path, n_obs: int, n_vars: int, n_labels: int) -> None:
    import anndata as ad

    X, codes = simulate(n_obs, n_vars, n_labels)
    cells = ad.AnnData(X, obs={"cell_type": [f"T{k}" for k in codes]})
    cells.obs_names_make_unique()
    before = peak()
    begin = time.perf_counter()
    n_found = 0
    if what == "genes":
        cc.pp.rank_genes_js(cells, "cell_type")
        n_found = cells.var["js_divergence"].notna().sum()
    ranked = time.perf_counter()
    model = fitted(cells)
    trained = time.perf_counter()
    path = folder / f"load_{what}_model"
    model.save(path, overwrite=True)
    model = cc.model.CellClassifierMLP.load(path)
    loaded = time.perf_counter()
    cc.tl.annotate(cells, model, progress=False)
    annotated = time.perf_counter()
    n_labels = cells.obs["cell_type"].nunique()
    right = (cells.obs["cellclass"].astype(str) == cells.obs["cell_type"].astype(str)).mean()
    size = sum(file.stat().st_size for file in path.iterdir()) / 2**20
    print(
        f"| {what} | {cells.n_obs:,} cells, {cells.n_vars:,} genes, {n_labels:,} labels: "
        + (f"{n_found:,} genes ranked in {ranked - begin:.1f} s, " if n_found else "")
        + f"trained {trained - ranked:.0f} s, saved and loaded {loaded - trained:.1f} s "
        f"({size:.0f} MB), annotated {annotated - loaded:.1f} s; {right:.1%} of the labels "
        f"are those trained on | {peak() - before:.2f} GB |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--minutes", type=float, default=20)
    asked = parser.parse_args()
    if asked.parts == ["one-process"]:
        one_process(asked.folder)
        return
    print("| part | what | found |\n|---|---|---|")
    for part in asked.parts:
        if part == "loop":
            loop(asked.folder, asked.minutes)
        elif part == "processes":
            processes(asked.folder)
        elif part == "labels":
            many(part, asked.folder, 5 * N_LABELS, 2_000, N_LABELS)
        elif part == "genes":
            many(part, asked.folder, 2_000, MANY_GENES, 4)
        else:
            sys.exit(f"{part!r} is none of {', '.join(PARTS)}")


if __name__ == "__main__":
    main()
