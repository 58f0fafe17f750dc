"""Label cells with cellclass and with CellTypist: cells/s on the same query and genes.

Usage: python benchmarks/predict_speed.py FOLDER [--cells 10000 100000] [--repeats 3]

Takes `cells.h5ad` of a folder that `scale.py` has made. 3,000 of its cells are the reference, for
both (`celltypist.train` with `use_SGD=True`, which is quicker to fit and predicts alike). The query
is in memory: raw counts for cellclass, whose `annotate` checks the scale, matches genes, and gives
calibrated probabilities and novelty p-values; log1p of counts per 10,000, made beforehand, for
`celltypist.annotate`, which gives probabilities. Both without majority votes. Arms take turns;
medians. `alone` is the network without novelty.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import anndata as ad
import celltypist
import numpy as np
import scanpy as sc

import cellclass as cc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    celltypist.logger.set_level(40)
    backed = ad.read_h5ad(given.folder / "cells.h5ad", backed="r")
    backed.var_names = [f"gene{j}" for j in range(backed.n_vars)]
    reference = backed[:3000].to_memory()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    ours = cc.model.CellClassifierMLP(reference, validation_size=0.1)
    ours.train(accelerator="cpu", enable_progress_bar=False)
    logged = reference.copy()
    sc.pp.normalize_total(logged, target_sum=1e4)
    sc.pp.log1p(logged)
    theirs = celltypist.train(logged, labels="cell_type", use_SGD=True, random_state=0)
    print(
        "| cells | cellclass, cells/s | network alone, cells/s | CellTypist, cells/s | cellclass / "
        "CellTypist | of CPU seconds |\n|---|---|---|---|---|---|"
    )
    seconds = {}
    for n_cells in given.cells:
        query = backed[:n_cells].to_memory()
        their_query = query.copy()
        sc.pp.normalize_total(their_query, target_sum=1e4)
        sc.pp.log1p(their_query)
        bound = ours.contract.bind(query)
        steps = {
            "ours": lambda query=query: cc.tl.annotate(query, ours),
            "alone": lambda bound=bound: [ours._forward(x) for _, x in bound.chunks()],  # noqa: SLF001
            "theirs": lambda their_query=their_query: celltypist.annotate(
                their_query, model=theirs, majority_voting=False
            ),
        }
        found: dict[str, list] = {arm: [] for arm in steps}
        for _ in range(given.repeats):
            for arm, step in steps.items():
                start, cpu = time.perf_counter(), time.process_time()
                step()
                found[arm].append((time.perf_counter() - start, time.process_time() - cpu))
        wall = {arm: np.median([pair[0] for pair in pairs]) for arm, pairs in found.items()}
        cpu = {arm: np.median([pair[1] for pair in pairs]) for arm, pairs in found.items()}
        seconds[n_cells] = wall["ours"]
        print(
            f"| {n_cells:,} | "
            + " | ".join(f"{n_cells / wall[arm]:,.0f}" for arm in ("ours", "alone", "theirs"))
            + f" | {wall['theirs'] / wall['ours']:.2f} | {cpu['theirs'] / cpu['ours']:.2f} |",
            flush=True,
        )
    if len(seconds) > 1:
        slope = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
        print(f"\nexponent of the seconds in the cells: {slope:.2f}")


if __name__ == "__main__":
    main()
