"""Train on a file and label a file that need not fit into memory: seconds, cells/s, memory.

Usage: python benchmarks/scale.py FOLDER [--cells 1000000] [--genes 2000] [--parts train predict
           same linear]

Makes `cells.h5ad` in the folder (some GB) if it is not there: simulated counts of 30 labels, about
7 % of them not 0. Each part runs in a process of its own, whose largest memory is given beyond that
of the imports.

`train`: `CellClassifierMLP` on the file, one epoch. `predict`: the file labelled to another one.
Both again with the address space limited, beyond that of the imports, to a quarter of what the
matrix takes in memory. `same`: the labels of the first 50,000 cells are those of the AnnData in
memory. `linear`: seconds for 10,000, 100,000 and all cells, and the exponent.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import anndata as ad
import h5py
import numpy as np

HERE = Path(__file__).resolve()
SMALL = 50_000


def largest() -> float:
    """Largest memory of this process so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def limit(beyond: float) -> None:
    """Limit the address space to so many GB more than is in use."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(beyond * 1e9), -1))


def work(folder: Path, what: str, beyond: float) -> None:
    """Do one part, and print what it took as JSON."""
    import torch

    import cellclass as cc

    _ = cc.model.CellClassifierMLP, cc.tl.annotate
    torch.zeros(1).requires_grad_().sum().backward()
    imports = largest()
    if beyond:
        limit(beyond)
    cells, model_path = folder / "cells.h5ad", folder / "model"
    start, found = time.perf_counter(), {}
    if what == "train":
        adata = ad.read_h5ad(cells, backed="r")
        cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
        model = cc.model.CellClassifierMLP(adata, validation_size=0.1)
        found["seconds before"] = time.perf_counter() - start
        fit = time.perf_counter()
        model.train(max_epochs=1, accelerator="cpu", enable_progress_bar=False)
        found |= {"seconds of train": time.perf_counter() - fit, "genes": model.contract.n_genes}
        found["accuracy"] = model.card["validation"]["accuracy"]
        model.save(model_path, overwrite=True)
        n_obs = adata.n_obs
    else:
        path = folder / f"{what}.h5ad"
        model = cc.model.CellClassifierMLP.load(model_path)
        n_obs = h5py.File(path)["X/indptr"].size - 1
        cc.tl.annotate(path, model, out=folder / "labelled.h5ad", overwrite=True)
    found |= {"cells": n_obs, "seconds": time.perf_counter() - start}
    print(json.dumps(found | {"imports GB": imports, "more GB": largest() - imports}))


def run(folder: Path, what: str, beyond: float = 0.0) -> dict:
    command = [sys.executable, "-W", "ignore", str(HERE), str(folder), "--work", what]
    done = subprocess.run([*command, "--beyond", str(beyond)], capture_output=True, text=True)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr else "killed"}
    return json.loads(done.stdout.splitlines()[-1])


def part_of(folder: Path, n_obs: int) -> str:
    """Write the first cells as a file of their own."""
    name = f"first{n_obs}"
    if not (folder / f"{name}.h5ad").exists():
        ad.read_h5ad(folder / "cells.h5ad", backed="r")[:n_obs].to_memory().write_h5ad(
            folder / f"{name}.h5ad"
        )
    return name


def row(name: str, found: dict) -> None:
    if "failed" in found:
        print(f"| {name} | {found['failed']} | | | |", flush=True)
        return
    speed = found["cells"] / found["seconds"]
    print(
        f"| {name} | {found['cells']:,} | {found['seconds']:.0f} s | {speed:,.0f} | "
        f"{found['more GB']:.2f} GB |",
        flush=True,
    )


def same(folder: Path) -> None:
    import cellclass as cc

    name = part_of(folder, SMALL)
    run(folder, name)
    model = cc.model.CellClassifierMLP.load(folder / "model")
    there = ad.read_h5ad(folder / "labelled.h5ad")
    here = ad.read_h5ad(folder / f"{name}.h5ad")
    cc.tl.annotate(here, model)
    labels = (there.obs["cellclass"].astype(str) == here.obs["cellclass"].astype(str)).all()
    probability = "cellclass_probability"
    bits = np.array_equal(there.obsm[probability].to_numpy(), here.obsm[probability].to_numpy())
    print(f"\nfirst {SMALL:,} cells, file and memory: labels equal: {labels}; every bit: {bits}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--parts", nargs="+", default=["train", "predict", "same", "linear"])
    parser.add_argument("--work")
    parser.add_argument("--beyond", type=float, default=0.0)
    given = parser.parse_args()
    if given.work:
        work(given.folder, given.work, given.beyond)
        return
    folder = given.folder
    if not (folder / "cells.h5ad").exists():
        from _big_file import write

        write(folder / "cells.h5ad", given.cells, given.genes)
    with h5py.File(folder / "cells.h5ad") as file:
        n_values = file["X/data"].size
        shape = tuple(file["X"].attrs["shape"])
    in_memory = 8 * n_values / 1e9
    print(
        f"{shape[0]:,} cells × {shape[1]:,} genes, {n_values / shape[0] / shape[1]:.1%} of the "
        f"values not 0: {in_memory:.2f} GB in memory\n\n"
        "| | cells | time | cells/s | memory beyond imports |\n|---|---|---|---|---|",
        flush=True,
    )
    for what, name in (("train", "train"), ("predict", "cells")):
        if what in given.parts:
            found = run(folder, name)
            row(what, found)
            if what == "train":
                print(f"|   | {found} | | | |")
            row(f"{what}, address space limited", run(folder, name, in_memory / 4))
    if "train" not in given.parts and not (folder / "model").exists():
        raise SystemExit(f"{folder} holds no model yet: run --parts train first.")
    if "same" in given.parts:
        same(folder)
    if "linear" in given.parts:
        sizes = [n for n in (10_000, 100_000) if n < shape[0]]
        runs = [run(folder, part_of(folder, n)) for n in sizes] + [run(folder, "cells")]
        sizes.append(shape[0])
        print("\n| cells | time | memory beyond imports |\n|---|---|---|")
        for n, found in zip(sizes, runs, strict=True):
            print(f"| {n:,} | {found['seconds']:.1f} s | {found['more GB']:.2f} GB |")
        slope = np.polyfit(np.log(sizes), np.log([found["seconds"] for found in runs]), 1)[0]
        print(f"\nexponent of the seconds in the cells: {slope:.2f}")


if __name__ == "__main__":
    main()
