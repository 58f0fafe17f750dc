"""How many planted spellings `harmonize_labels` finds, and how many proposals are wrong.

For each set of labels there are two references: one as it is, one in which half of the labels are
spelled otherwise and the other half stays. A proposal is right if both of its labels were the same
label. Needs no data: `python benchmarks/labels.py [N_SEEDS]`.
"""

from __future__ import annotations

import sys
from collections import Counter

import anndata as ad
import numpy as np
import pandas as pd
from _label_variants import planted

import cellclass as cc

N_PLANTED = 200


def reference(labels: list[str]) -> ad.AnnData:
    """One cell of each label."""
    return ad.AnnData(
        np.zeros((len(labels), 1), dtype=np.float32),
        obs=pd.DataFrame({"label": pd.Categorical(labels)}, index=map(str, range(len(labels)))),
    )


def score(seed: int, *, verbose: bool = False):
    """Return planted, found, proposed and right, and the planted and found of each operation."""
    total, by_operation, found_by = Counter(), Counter(), Counter()
    for name, labels, spellings in planted(N_PLANTED, seed):
        said = {label: spelling for spelling, (label, _) in spellings.items()}
        pair = [reference(list(labels)), reference([said.get(label, label) for label in labels])]
        origin = {label: label for label in labels}
        origin |= {spelling: label for spelling, (label, _) in spellings.items()}
        proposals = cc.pp.harmonize_labels(pair, "label")
        rows = list(zip(proposals["label"], proposals["proposed"], strict=True))
        joined = {frozenset(row) for row in rows}
        for text, target in rows:
            right = origin[text] == origin.get(target, origin.get(target.strip()))
            total.update(proposed=1, right=right)
            if verbose and not right:
                print(f"  wrong in {name}: {text!r} -> {target!r}")
        for spelling, (label, done) in spellings.items():
            hit = frozenset((spelling, label)) in joined
            total.update(planted=1, found=hit)
            by_operation.update(done)
            found_by.update(done if hit else ())
            if verbose and not hit:
                print(f"  missed in {name}: {label!r} as {spelling!r} ({', '.join(done)})")
    return total, by_operation, found_by


def main() -> None:
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("| seed | planted | proposals | precision | recall |")
    print("|---:|---:|---:|---:|---:|")
    every, found = Counter(), Counter()
    for seed in range(n_seeds):
        total, by_operation, found_by = score(seed, verbose="-v" in sys.argv)
        every, found = every + by_operation, found + found_by
        precision, recall = total["right"] / total["proposed"], total["found"] / total["planted"]
        cells = (seed, total["planted"], total["proposed"], f"{precision:.3f}", f"{recall:.3f}")
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\n| what was changed (alone or with others) | planted | found |")
    print("|---|---:|---:|")
    for name, count in every.most_common():
        print(f"| {name} | {count} | {found[name] / count:.1%} |")


if __name__ == "__main__":
    main()
