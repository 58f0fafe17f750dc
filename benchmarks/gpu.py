"""A GPU: the same answers, cells and tokens per second, share of the ceiling, memory.

Usage: python benchmarks/gpu.py [--device cuda] [--lengths 2048 16907] [--tokens 65536]
           [--cells 1000000] [--minibatches 4096 16384]

First the checks: attention on the device against float64 on the processor, and a trained model's
labels there against those on the processor. Then the perceptron's training on a million cells that
stay on the device, beside its minibatches alone and a loop without Lightning. Then an encoder of
scBERT's dimensions (width 200, 6 blocks, 10 heads of 64, 266 features), forwards and backwards
under bf16 autocast, FAVOR+ and exact attention (flash where torch has it), with `torch.compile`
and without: arms take turns, medians of five. The ceiling is what one large bf16 matrix product
reaches in the same run; the share counts only the multiplications that the formula needs, twice as
many backwards as forwards. Where an arm does not run, its error stands in its place. On a
processor (`--device cpu`) it is a test of itself.
"""

from __future__ import annotations

import argparse
import time
import warnings

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn

import cellclass as cc
from cellclass.data import DenseCells, ResidentDataModule
from cellclass.module import MLP, Encoder, draw_features, favor_attention
from cellclass.train import ClassifierPlan, Recipe, quiet_lightning

HEADS, HEAD_DIM, N_FEATURES, WIDTH, DEPTH = 10, 64, 266, 200, 6
ARMS = [(kind, compiled) for kind in ("favor", "softmax") for compiled in (False, True)]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(step, device: torch.device) -> float:
    wait(device)
    start = time.perf_counter()
    step()
    wait(device)
    return time.perf_counter() - start


def check_attention(device: torch.device) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn((3, 2, 4, 1000, 32), generator=generator).double()
    features = draw_features(4, 110, 32, generator=generator).double()
    mask = torch.arange(1000) < torch.tensor([[1000], [400]])
    exact = favor_attention(q, k, v, features, mask=mask)
    print("| attention on the device against float64 | relative error |\n|---|---|")
    for dtype in (torch.float32, torch.bfloat16):
        there = [x.to(device, dtype) for x in (q, k, v)]
        found = favor_attention(*there, features.to(device).float(), mask=mask.to(device))
        print(f"| {dtype} | {(found.cpu().double() - exact).norm() / exact.norm():.1e} |")


def check_model(device: torch.device) -> None:
    adata = cc.datasets.pbmc68k_reduced()
    cc.model.CellPerformer.setup_anndata(adata, labels_key="cell_type", layer="counts")
    model = cc.model.CellPerformer(adata)
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    taken = seconds_of(
        lambda: model.train(accelerator=accelerator, enable_progress_bar=False), device
    )
    there = model.predict(adata)
    model.to_device("cpu")
    same = float(np.mean(there == model.predict(adata)))
    print(f"\nTrained on {adata.n_obs} cells in {taken:.1f} s; {same:.2%} of the labels are those "
          "of the processor.")  # fmt: skip


def ceiling(device: torch.device) -> float:
    """Operations per second of a large bf16 matrix product."""
    n = 8192 if device.type == "cuda" else 512
    a, b = torch.randn((2, n, n), device=device, dtype=torch.bfloat16)
    _ = a @ b
    return 2 * n**3 / np.median([seconds_of(lambda: a @ b, device) for _ in range(10)])


def operations(kind: str, n_tokens: int) -> float:
    """Floating-point operations for one token of one cell, forwards and backwards."""
    inner = HEADS * HEAD_DIM
    weights = 4 * WIDTH * inner + 2 * WIDTH * 4 * WIDTH
    pairs = 4 * inner * N_FEATURES if kind == "favor" else 2 * inner * n_tokens
    return 3 * 2 * DEPTH * (weights + pairs)


def speed(device: torch.device, lengths: list[int], n_together: int) -> None:
    most = ceiling(device)
    print(f"\nCeiling: {most / 1e12:.1f} Tflop/s in bf16.\n")
    print(
        "| tokens | attention | compiled | tokens/s | of the ceiling | peak MB |\n"
        + "|---" * 6
        + "|"
    )
    for n_tokens in lengths:
        n_cells = max(1, n_together // n_tokens)
        x = torch.randn(n_cells, n_tokens, WIDTH, device=device)
        steps = {}
        for kind, compiled in ARMS:
            torch.manual_seed(0)
            encoder: nn.Module = Encoder(
                WIDTH, depth=DEPTH, n_heads=HEADS, head_dim=HEAD_DIM, n_features=N_FEATURES,
                attention=kind, redraw_every=None,
            ).to(device)  # fmt: skip
            run = torch.compile(encoder) if compiled else encoder

            def step(run=run, x=x) -> None:
                with torch.autocast(device.type, dtype=torch.bfloat16):
                    run(x).float().sum().backward()

            steps[kind, compiled] = step
        found: dict = {arm: [] for arm in ARMS}
        failed, peak = {}, dict.fromkeys(ARMS, float("nan"))
        for number in range(6):  # the first one warms up
            for arm, step in steps.items():
                if arm in failed:
                    continue
                try:
                    if device.type == "cuda":
                        torch.cuda.reset_peak_memory_stats()
                    taken = seconds_of(step, device)
                    if device.type == "cuda":
                        peak[arm] = torch.cuda.max_memory_allocated() / 2**20
                    if number:
                        found[arm].append(taken)
                except Exception as error:  # noqa: BLE001 - the table says why an arm is missing
                    failed[arm] = f"{type(error).__name__}: {error}".split("\n", 1)[0][:80]
        for kind, compiled in ARMS:
            arm, said = (kind, compiled), "yes" if compiled else "no"
            if arm in failed:
                print(f"| {n_tokens:,} | {kind} | {said} | {failed[arm]} | | |")
                continue
            rate = n_cells * n_tokens / np.median(found[arm])
            share = rate * operations(kind, n_tokens) / most
            print(f"| {n_tokens:,} | {kind} | {said} | {rate:,.0f} | {share:.1%} "
                  f"| {peak[arm]:,.0f} |", flush=True)  # fmt: skip


class Timer(pl.Callback):
    """Seconds of each epoch's training."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, trainer, _) -> None:
        wait(trainer.strategy.root_device)
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer, _) -> None:
        wait(trainer.strategy.root_device)
        self.seconds.append(time.perf_counter() - self.start)


def perceptron(device: torch.device, n_cells: int, sizes: list[int]) -> None:
    """Cells/s of training the perceptron on cells that stay on the device, and where time goes."""
    n_genes, n_labels, most = 1000, 30, ceiling(device)
    X = torch.randn(n_cells, n_genes).clamp(min=0).numpy()
    codes = np.random.default_rng(0).integers(0, n_labels, n_cells)
    print(
        f"\n{n_cells:,} cells × {n_genes} genes on the device, {n_labels} labels.\n\n| minibatch | "
        "precision | cells/s | minibatches alone | loop without Lightning | of the ceiling |\n"
        + "|---" * 6
        + "|"
    )
    for size, precision in [(s, p) for s in sizes for p in ("32-true", "bf16-mixed")]:
        data = ResidentDataModule(
            DenseCells(X), codes, train_idx=np.arange(n_cells), val_idx=np.zeros(0, np.int64),
            batch_size=size, seed=0,
        )  # fmt: skip
        plan = ClassifierPlan(MLP(n_genes, n_labels), Recipe(batch_size=size))
        timer = Timer()
        with quiet_lightning():
            trainer = pl.Trainer(
                accelerator="gpu" if device.type == "cuda" else "cpu", devices=1, max_epochs=4,
                precision=precision, logger=False, enable_checkpointing=False, callbacks=[timer],
                enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
            )  # fmt: skip
            trainer.fit(plan, datamodule=data)
        loader = data.train_dataloader()

        def alone(loader=loader) -> None:
            for _ in loader:
                pass

        module = plan.module.to(device).train()
        optimizer = torch.optim.AdamW(module.parameters(), fused=True)

        def bare(loader=loader, module=module, optimizer=optimizer, precision=precision) -> None:
            for batch in loader:
                optimizer.zero_grad()
                with torch.autocast(device.type, torch.bfloat16, enabled=precision != "32-true"):
                    logits = module.member_logits(batch["X"])[0]
                    loss = nn.functional.cross_entropy(logits.float(), batch["labels"].view(-1))
                loss.backward()
                optimizer.step()

        found = [np.median([seconds_of(step, device) for _ in range(3)]) for step in (alone, bare)]
        taken = float(np.median(timer.seconds[1:]))
        operations = 6 * sum(p.numel() for p in module.parameters() if p.requires_grad)
        print(
            f"| {size:,} | {precision} | {n_cells / taken:,.0f} | {n_cells / found[0]:,.0f} | "
            f"{n_cells / found[1]:,.0f} | {n_cells / taken * operations / most:.1%} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--lengths", type=int, nargs="+", default=[2048, 16907])
    parser.add_argument("--tokens", type=int, default=65536, help="tokens in a step")
    parser.add_argument("--cells", type=int, default=1_000_000, help="cells to train on")
    parser.add_argument("--minibatches", type=int, nargs="+", default=[4096, 16384])
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here; --device cpu tests the script itself")
    warnings.filterwarnings("ignore")
    device = torch.device(options.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "processor"
    print(f"{name}, torch {torch.__version__}\n")
    check_attention(device)
    check_model(device)
    perceptron(device, options.cells, options.minibatches)
    speed(device, options.lengths, options.tokens)


if __name__ == "__main__":
    main()
