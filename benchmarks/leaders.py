"""The MLP beside the classifiers that people use, on every dataset and split.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/leaders.py [dataset …] [--arms MLP,SVM] …

Needs `pip install lightgbm singler scranpy` and `pip install --no-deps celltypist`; an arm whose
package is missing is left out, and the output says so. Tasks are in `_tasks.py`, arms in
`_peers.py`, the scores in `_leaders.py`. Accuracy and macro-F1 are means over folds, the expected
calibration error (ECE, 15 bins) is over the pooled answers of a dataset's folds. Every fit runs on
one thread; seconds are of a fit with its tuning.

The answers of the peers do not depend on the model under test, so they are kept in `--cache` and
read from there the next time; those of the MLP are kept only with `--cache-mlp`. `_answers.py` says
what is in a file. `--arm-from NAME=DIR` adds an arm from such files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import torch
from _answers import Answer, load_answer, save_answer
from _leaders import print_overview, print_summary, print_table, score_task
from _peers import ARMS, LOGISTIC, MLP, N_GENES, PEERS, answer, missing_package
from _tasks import Fold, tasks
from threadpoolctl import threadpool_limits


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="dataset", help="or from--to; all by default")
    parser.add_argument("--arms", help=f"comma-separated, of: {', '.join(ARMS)}")
    parser.add_argument("--arm-from", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument(
        "--cache", type=Path, default=Path(__file__).parent / ".cache", help="folder of answers"
    )
    parser.add_argument("--cache-mlp", action="store_true", help="keep the MLP's answers too")
    parser.add_argument("--only-cached", action="store_true", help="fit no peer")
    parser.add_argument("--csv", type=Path, help="write the scores of each task and arm here")
    return parser.parse_args()


class Arms:
    """The arms to compare, and where the answers of each are found."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        names = options.arms.split(",") if options.arms else [*PEERS, MLP]
        if unknown := [name for name in names if name not in ARMS]:
            raise SystemExit(f"Unknown arms {unknown}; there are: {', '.join(ARMS)}.")
        self.folders = {name: options.cache / name.replace(" ", "_") for name in names}
        self.extra = dict(item.split("=", 1) for item in options.arm_from)
        self.folders |= {name: Path(folder) for name, folder in self.extra.items()}

    def answer(self, arm: str, fold: Fold) -> Answer | None:
        """Read an answer, or fit; None where that is not to be."""
        path = self.folders[arm] / fold.file_name
        kept = arm != MLP or arm in self.extra or self.options.cache_mlp
        if kept and path.exists():
            return load_answer(path, truth=fold.y_test, test=fold.test)
        if arm in self.extra or (self.options.only_cached and arm != MLP):
            return None
        if package := missing_package(arm):
            print(f"{arm} is left out: pip install {package}\n", flush=True)
            del self.folders[arm]
            return None
        same = self.options.cache / LOGISTIC[0].replace(" ", "_") / fold.file_name
        if arm in LOGISTIC and len(fold.genes) <= N_GENES and same.exists():
            found = load_answer(same, truth=fold.y_test, test=fold.test)  # the very same fit
        else:
            found = answer(arm, fold)
        if kept:
            save_answer(path, found, truth=fold.y_test, test=fold.test)
        return found


def score(arms: Arms, arm: str, task) -> dict | None:
    """Scores of an arm in a task; None where a fold has no answer."""
    answers, truths = [], []
    for fold in task.folds():
        found = arms.answer(arm, fold)
        if found is None:
            return None
        answers.append(found)
        truths.append(fold.y_test)
    if not answers:  # no label occurs on both sides
        return None
    scores = score_task(answers, truths)
    return {"dataset": task.dataset, "kind": task.kind, "arm": arm, **scores}


def print_tasks(results: pd.DataFrame) -> None:
    """One row for each task: accuracy / macro-F1 / ECE of each arm."""
    cells = results.apply(
        lambda row: f"{row['accuracy']:.3f} / {row['macro_f1']:.3f} / {row['ece']:.3f}", axis=1
    ).str.replace("nan", "–")
    order = results["arm"].unique()
    index = ["dataset", "kind", "n_folds"]
    table = results.assign(cell=cells).pivot_table(
        index=index, columns="arm", values="cell", aggfunc="first", sort=False
    )
    print("Accuracy / macro-F1 / ECE of each task:\n")
    print_table(table[order].fillna("").reset_index())


def main() -> None:
    arms = Arms(arguments())
    rows = []
    for arm in list(arms.folders):
        for task in tasks(arms.options.names):
            if arm not in arms.folders:
                break
            row = score(arms, arm, task)
            if row is not None:
                rows.append(row)
                text = "{accuracy:.3f} / {macro_f1:.3f} / {ece:.3f} ({seconds:.1f} s)".format(**row)
                said = f"{arm}, {task.dataset}, {task.kind}: {text}"
                print(said, file=sys.stderr, flush=True)
    if not rows:
        raise SystemExit("No answers.")
    results = pd.DataFrame(rows)
    if arms.options.csv is not None:
        results.to_csv(arms.options.csv, index=False)
    print_overview(results)
    print_tasks(results)
    print_summary(results)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
