"""Whether an exported model answers as torch does.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/export_onnx.py [dataset …]

A model is trained on two thirds of each dataset and exported; ONNX Runtime and torch then label all
of its cells. Printed: cells, cells whose labels differ, the largest difference of a probability,
the file's size (MB) and the seconds of the export.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from _data import DATASETS, folds, read

import cellclass as cc


def one_dataset(name: str) -> tuple[int, int, float, float, float]:
    adata = read(name)
    train, _ = next(folds(adata, None, n_folds=3))
    reference = adata[train].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    x = model.contract.bind(adata).read(slice(None))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        start = time.perf_counter()
        model.export_onnx(path)
        seconds = time.perf_counter() - start
        size = path.stat().st_size / 1e6
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        theirs = session.run(["logits"], {"genes": x})[0]
    with torch.inference_mode():
        ours = model.module.cpu()(torch.from_numpy(x)).numpy()
    p, q = (cc.metrics.softmax(z, temperature=model.card["temperature"]) for z in (ours, theirs))
    n_other = int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
    return len(x), n_other, float(np.abs(p - q).max()), size, seconds


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    print(
        "| dataset | cells | labels that differ | largest Δp | MB | s |\n|---|---|---|---|---|---|"
    )
    n_all = n_other_all = 0
    for name in sys.argv[1:] or DATASETS:
        n, n_other, worst, size, seconds = one_dataset(name)
        n_all, n_other_all = n_all + n, n_other_all + n_other
        row = f"| {name} | {n:,} | {n_other} | {worst:.1e} | {size:.1f} | {seconds:.1f} |"
        print(row, flush=True)
    print(f"| **all** | {n_all:,} | {n_other_all} ({1 - n_other_all / n_all:.4%} agree) | | | |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
