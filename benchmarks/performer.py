"""Attention by random features: how near to exact attention it is, how fast, how much memory.

Usage: python benchmarks/performer.py [error] [kernel] [encoder] [cells] [--longest 16907]

`error`: relative error of attention over 512 tokens against exact attention (4 heads of 16, queries
and keys of 0.3 standard deviations), means of 20 draws, orthogonal and independent features; the
exponent is the slope of its logarithm. `kernel`: one attention, forwards and backwards, 10 heads of
64 and 266 features. `encoder`: six layers of width 200 at those dimensions (scBERT's), forwards and
backwards. Arms take turns, each in a process of its own, five times (three from 8,192 tokens on),
one thread; medians of the seconds of a second step of that length, when memory is there already.
Memory is the process's peak beyond what it held before. performer-pytorch is an arm where it is
installed (`pip install performer-pytorch`). Exact attention is left out of the encoder above 8,192
tokens. `cells`: the default `CellPerformer` on all cores: pre-training and training on two thirds
of the cells that come with the package, their score on the other third, and, with
CELLCLASS_TEST_DATA set, labels for 10,000 cells of pbmc10k_citeseq_rna.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
import torch
from _data import read
from torch import nn

import cellclass as cc
from cellclass.module import Encoder, draw_features, favor_attention

HEADS, HEAD_DIM, N_FEATURES, WIDTH, DEPTH = 10, 64, 266, 200, 6
LENGTHS = (512, 2048, 4096, 8192, 16384, 16907)
MOST_EXACT = {"kernel": 16907, "encoder": 8192}
THEIRS = "performer-pytorch"


def error_table() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = 0.3 * torch.randn((3, 1, 4, 512, 16), generator=generator).double()
    v = v / 0.3
    exact = nn.functional.scaled_dot_product_attention(q, k, v)
    sizes = (32, 64, 128, 256, 512, 1024)
    print("| features | orthogonal | independent |\n|---|---|---|")
    found = []
    for n_features in sizes:
        row = []
        for orthogonal in (True, False):
            errors = []
            for seed in range(20):
                generator = torch.Generator().manual_seed(seed)
                w = draw_features(4, n_features, 16, orthogonal=orthogonal, generator=generator)
                errors.append((favor_attention(q, k, v, w) - exact).norm() / exact.norm())
            row.append(float(np.mean(errors)))
        found.append(row)
        print(f"| {n_features} | {row[0]:.4f} | {row[1]:.4f} |")
    slopes = np.polyfit(np.log(sizes), np.log(found), 1)[0]
    print(f"| exponent | {slopes[0]:.2f} | {slopes[1]:.2f} |\n")


def step_of(what: str, arm: str, n_tokens: int):
    """A function that goes forwards and backwards once."""
    torch.manual_seed(0)
    if what == "kernel":
        q, k, v = (torch.randn(1, HEADS, n_tokens, HEAD_DIM, requires_grad=True) for _ in range(3))
        if arm == "exact":
            return lambda: nn.functional.scaled_dot_product_attention(q, k, v).sum().backward()
        if arm == THEIRS:
            from performer_pytorch import FastAttention

            theirs = FastAttention(HEAD_DIM, N_FEATURES)
            return lambda: theirs(q, k, v).sum().backward()
        features = draw_features(HEADS, N_FEATURES, HEAD_DIM)
        return lambda: favor_attention(q, k, v, features).sum().backward()
    x = torch.randn(1, n_tokens, WIDTH)
    if arm == THEIRS:
        from performer_pytorch import Performer

        module: nn.Module = Performer(
            dim=WIDTH,
            depth=DEPTH,
            heads=HEADS,
            dim_head=HEAD_DIM,
            nb_features=N_FEATURES,
            feature_redraw_interval=None,
        )
    else:
        module = Encoder(
            WIDTH,
            depth=DEPTH,
            n_heads=HEADS,
            head_dim=HEAD_DIM,
            n_features=N_FEATURES,
            attention="softmax" if arm == "exact" else "favor",
            redraw_every=None,
        )
    module.train()
    return lambda: module(x).sum().backward()


def one_process(what: str, arm: str, n_tokens: int) -> None:
    step_of(what, arm, 64)()
    step = step_of(what, arm, n_tokens)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    start = time.perf_counter()
    step()
    seconds = time.perf_counter() - start
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(seconds, memory)


def time_table(what: str, longest: int) -> None:
    arms = ["cellclass", "exact", *([THEIRS] if find_spec("performer_pytorch") else [])]
    lengths = [n for n in LENGTHS if n <= longest]
    print(f"| {what}, tokens | " + " | ".join(f"{arm} s (MB)" for arm in arms) + " | ratios |")
    print("|---" * (len(arms) + 2) + "|")
    own = []
    for n_tokens in lengths:
        found: dict[str, list] = {arm: [] for arm in arms}
        for _ in range(5 if n_tokens < 8192 else 3):
            for arm in arms:
                if arm == "exact" and n_tokens > MOST_EXACT[what]:
                    continue
                command = [sys.executable, "-W", "ignore", __file__, "--one", what, arm]
                done = subprocess.run(
                    [*command, str(n_tokens)], check=True, capture_output=True, text=True
                )
                found[arm].append([float(x) for x in done.stdout.split()])
        median = {arm: np.median(rows, axis=0) for arm, rows in found.items() if rows}
        own.append(median["cellclass"][0])
        cells = " | ".join(
            "{:.2f} ({:.0f})".format(*median[arm]) if arm in median else "–" for arm in arms
        )
        ratios = ", ".join(
            f"{arm} {median[arm][0] / own[-1]:.2f}×, "
            f"{median[arm][1] / max(median['cellclass'][1], 1):.2f}× memory"
            for arm in arms[1:]
            if arm in median
        )
        print(f"| {n_tokens:,} | {cells} | {ratios} |", flush=True)
    slope = np.polyfit(np.log(lengths), np.log(own), 1)[0] if len(lengths) > 1 else np.nan
    print(f"\nTime grows with tokens to the power of {slope:.2f}.\n")


def cells_table() -> None:
    torch.set_num_threads(os.cpu_count() or 1)
    adata = cc.datasets.pbmc68k_reduced()
    test = np.arange(adata.n_obs) % 3 == 0
    reference, query = adata[~test].copy(), adata[test].copy()
    print("| what | cells | s | accuracy | macro-F1 |\n|---|---|---|---|---|")
    for pretrain in (False, True):
        cc.model.CellPerformer.setup_anndata(reference, labels_key="cell_type", layer="counts")
        model = cc.model.CellPerformer(reference)
        start = time.perf_counter()
        if pretrain:
            model.pretrain(accelerator="cpu", enable_progress_bar=False)
        before = time.perf_counter() - start
        model.train(accelerator="cpu", enable_progress_bar=False)
        taken = time.perf_counter() - start
        cc.tl.annotate(query, model)
        found = cc.metrics.classification_scores(query.obs["cell_type"], query.obs["cellclass"])
        said = f"pre-training ({before:.0f} s) and training" if pretrain else "training"
        print(f"| {said} | {reference.n_obs} | {taken:.0f} | {found['accuracy']:.3f} "
              f"| {found['macro_f1']:.3f} |")  # fmt: skip
    if "CELLCLASS_TEST_DATA" not in os.environ:
        return
    adata = read("pbmc10k_citeseq_rna")
    cc.model.CellPerformer.setup_anndata(adata, labels_key="cell_type")
    model = cc.model.CellPerformer(adata)
    model.train(max_epochs=1, accelerator="cpu", enable_progress_bar=False)
    query = adata[np.arange(10_000) % adata.n_obs].copy()
    query.obs_names_make_unique()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        model.predict(query)
        seconds.append(time.perf_counter() - start)
    print(f"| labels | 10,000 | {np.median(seconds):.0f} | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", metavar="error | kernel | encoder | cells")
    parser.add_argument("--longest", type=int, default=LENGTHS[-1])
    options = parser.parse_args()
    for table in options.tables or ("error", "kernel", "encoder", "cells"):
        if table == "error":
            error_table()
        elif table == "cells":
            cells_table()
        else:
            time_table(table, options.longest)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--one"]:
        one_process(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
