"""What bounds the encoder beside performer-pytorch: `performer_bounds.py [TOKENS ...]`.

One step, forwards and backwards, of the encoders that `performer.py encoder` times (2,048, 4,096
and 8,192 tokens; one thread; performer-pytorch has to be installed), in steady state: medians of
five steps after two. For each: billions of operations in matrix products, as torch counts them;
their least seconds, at the rate of one product of 2,048 × 2,048 in the same process; seconds of a
step, and pages of memory that the system gave anew in it. Then the same where the C library keeps
what is freed (MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ far above all sizes). Arms take
turns, each in a process of its own, three times; medians.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from performer import THEIRS, step_of
from torch.utils.flop_counter import FlopCounterMode

ARMS = ("cellclass", THEIRS)
TURNS = 3
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(2**36), "MALLOC_TRIM_THRESHOLD_": str(2**37)}


def measure(work, n_times: int = 5) -> tuple[float, float]:
    """Median seconds, and pages given anew, of a piece of work after two times of it."""
    found = []
    for _ in range(n_times + 2):
        pages, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        found.append((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages))
    return tuple(np.median(found[2:], axis=0).tolist())


def one_process(arm: str, n_tokens: int) -> None:
    step = step_of("encoder", arm, n_tokens)
    seconds, pages = measure(step)
    with FlopCounterMode(display=False) as counter:
        step()
    a, b, out = torch.randn(3, 2048, 2048)
    rate = 2 * 2048**3 / measure(lambda: torch.mm(a, b, out=out))[0]
    operations = counter.get_total_flops()
    print(json.dumps([operations / 1e9, operations / rate, seconds, pages]))


def main() -> None:
    print("| encoder, tokens | arm | GFLOP in products | their least s | s | pages anew "
          "| s, memory kept |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for n_tokens in map(int, sys.argv[1:] or (2048, 4096, 8192)):
        found: dict[tuple, list] = {}
        for _ in range(TURNS):
            for arm in ARMS:
                for keep in (False, True):
                    command = [sys.executable, "-W", "ignore", __file__, "--one", arm]
                    environment = os.environ | (KEEP if keep else {})
                    done = subprocess.check_output([*command, str(n_tokens)], env=environment)
                    found.setdefault((arm, keep), []).append(json.loads(done))
        median = {key: np.median(rows, axis=0) for key, rows in found.items()}
        for arm in ARMS:
            operations, least, seconds, pages = median[arm, False]
            print(f"| {n_tokens:,} | {arm} | {operations:.0f} | {least:.2f} | {seconds:.2f} "
                  f"| {pages:,.0f} | {median[arm, True][2]:.2f} |")  # fmt: skip
        own, theirs = ([median[arm, keep][2] for keep in (False, True)] for arm in ARMS)
        most = theirs[1] / median[ARMS[0], True][1]
        print(f"| {n_tokens:,} | ratio | | at most {most:.2f}× | {theirs[0] / own[0]:.2f}× | "
              f"| {theirs[1] / own[1]:.2f}× |", flush=True)  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--one"]:
        one_process(sys.argv[2], int(sys.argv[3]))
    else:
        main()
