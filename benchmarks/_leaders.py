"""From answers to the tables of `leaders.py`: scores of a task, ranks and differences over tasks.

Everything here works on a data frame with one row for each task and arm: `dataset`, `kind`, `arm`,
`accuracy`, `macro_f1` (means over folds), `ece` (over the pooled answers of the folds, NaN for arms
without probabilities), `seconds` (mean of a fit) and `n_folds`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _peers import LOGISTIC, MLP
from _tasks import KINDS

import cellclass as cc

N_BINS = 15
SCORES = ("accuracy", "macro_f1")
TASK = ["dataset", "kind"]


def score_task(answers, truths) -> dict[str, float]:
    """Scores of an arm in a task: means over the folds, the ECE over all their cells together."""
    scores = [
        cc.metrics.classification_scores(y, a.predicted)
        for a, y in zip(answers, truths, strict=True)
    ]
    found = {name: float(np.mean([s[name] for s in scores])) for name in SCORES}
    found["ece"] = float("nan")
    if all(answer.is_probability for answer in answers):
        confidence = np.concatenate([answer.matrix.max(axis=1) for answer in answers])
        correct = np.concatenate([a.predicted == y for a, y in zip(answers, truths, strict=True)])
        found["ece"] = cc.metrics.expected_calibration_error(
            confidence.clip(0, 1), correct, n_bins=N_BINS
        )
    found["seconds"] = float(np.mean([answer.seconds for answer in answers]))
    found["n_folds"] = len(answers)
    return found


def complete(results: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the arms that answered every task, and the names of the others."""
    n_tasks = results.groupby("arm", sort=False).size()
    partial = n_tasks.index[n_tasks < len(results[TASK].drop_duplicates())]
    return results[~results["arm"].isin(partial)], list(partial)


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each arm that answered every task, the best mean rank of macro-F1 first.

    Columns: `rank <score>`, the mean rank over tasks (1 is best, equal scores share the mean of
    their ranks), of the accuracy and of the macro-F1; the same ranks within each kind of task as
    `rank <score>, <kind>`; and `<score>, <kind>`, the mean of each score, of the ECE and of the
    seconds.
    """
    whole, _ = complete(results)
    columns = {}
    for score in SCORES:
        ranks = whole.groupby(TASK)[score].rank(ascending=False).rename("rank")
        ranked = whole[["arm", "kind"]].assign(rank=ranks)
        columns[f"rank {score}"] = ranked.groupby("arm")["rank"].mean()
        for kind, part in ranked.groupby("kind"):
            columns[f"rank {score}, {kind}"] = part.groupby("arm")["rank"].mean()
    for kind in KINDS:
        part = whole[whole["kind"] == kind]
        for score in (*SCORES, "ece", "seconds") if len(part) else ():
            columns[f"{score}, {kind}"] = part.groupby("arm")[score].mean()
    return pd.DataFrame(columns).sort_values("rank macro_f1")


def differences(results: pd.DataFrame, arm: str = MLP) -> pd.DataFrame:
    """One row for each task and score: `arm` minus the best LR, and minus the best other arm.

    "Best LR" is that of the task, which is more than any one of them reaches over all tasks.
    """
    rows = []
    for (dataset, kind), part in results.groupby(TASK, sort=False):
        by_arm = part.set_index("arm")
        for score in SCORES:
            values = by_arm[score]
            if arm not in values:
                continue
            peers, lr = values.drop(arm), values[values.index.isin(LOGISTIC)]
            rows.append(
                {
                    "dataset": dataset,
                    "kind": kind,
                    "score": score,
                    "minus best LR": values[arm] - lr.max(),
                    "minus best peer": values[arm] - peers.max(),
                    "best peer": peers.idxmax() if len(peers) else "",
                }
            )
    return pd.DataFrame(rows)


def print_table(frame: pd.DataFrame, *, decimals: int = 3) -> None:
    """Print a data frame as Markdown."""
    texts = frame.map(lambda x: f"{x:.{decimals}f}" if isinstance(x, float) else str(x))
    print("| " + " | ".join(str(column) for column in texts.columns) + " |")
    print("|---" * len(texts.columns) + "|")
    for row in texts.itertuples(index=False):
        print("| " + " | ".join(row) + " |")
    print()


def print_overview(results: pd.DataFrame) -> None:
    """Print accuracy / macro-F1 / ECE of each arm by kind of task, and its mean ranks."""
    whole, _ = complete(results)
    table = summarise(results)
    kinds = [kind for kind in KINDS if kind in set(whole["kind"])]
    shown = pd.DataFrame(index=table.index)
    for kind in kinds:
        n_tasks = len(whole[whole["kind"] == kind][TASK].drop_duplicates())
        means = table[[f"{score}, {kind}" for score in (*SCORES, "ece")]]
        shown[f"{kind} ({n_tasks})"] = [
            " / ".join("–" if np.isnan(x) else f"{x:.3f}" for x in row) for row in means.to_numpy()
        ]
    for score in SCORES:
        ranks = table[[f"rank {score}, {kind}" for kind in kinds]]
        name = f"mean rank {score.replace('_f1', '-F1')}, {' / '.join(kinds)}"
        shown[name] = [" / ".join(f"{x:.2f}" for x in row) for row in ranks.to_numpy()]
    print("Means over tasks:\n")
    print_table(shown.rename_axis("arm").reset_index())


def print_summary(results: pd.DataFrame, arm: str = MLP) -> None:
    """Print ranks, means, and how far `arm` is from the best logistic regression and peer."""
    whole, partial = complete(results)
    if partial:
        print(f"Left out of the summary, tasks are missing: {', '.join(partial)}.\n")
    if whole.empty:
        return
    table = summarise(results)
    print(f"Mean ranks over {len(whole[TASK].drop_duplicates())} tasks (1 is best):\n")
    ranks = table[[column for column in table if column.startswith("rank")]]
    print_table(ranks.rename_axis("arm").reset_index(), decimals=2)
    for score in (*SCORES, "ece", "seconds"):
        print(f"Mean {score}:\n")
        means = table[[column for column in table if column.startswith(f"{score}, ")]]
        print_table(means.rename_axis("arm").reset_index())
    if arm in set(whole["arm"]) and set(whole["arm"]) != {arm}:
        _print_differences(whole, arm)


def _print_differences(results: pd.DataFrame, arm: str) -> None:
    found = differences(results, arm)
    means = results.groupby(["kind", "arm"])[list(SCORES)].mean()
    if set(LOGISTIC) & set(results["arm"]):
        print(f"{arm} minus the one LR of best mean, in points:\n")
        lr = means[means.index.isin(LOGISTIC, level="arm")].groupby("kind").max()
        print_table((100 * (means.xs(arm, level="arm") - lr)).reset_index(), decimals=2)
    print(f"{arm} minus the best of each task, in points (mean of tasks, and the worst task):\n")
    rows = []
    for (kind, score), part in found.groupby(["kind", "score"], sort=False):
        worst = part.loc[part["minus best peer"].idxmin()]
        rows.append(
            {
                "kind": kind,
                "score": score,
                "minus best LR": 100 * part["minus best LR"].mean(),
                "minus best peer": 100 * part["minus best peer"].mean(),
                "worst": 100 * worst["minus best peer"],
                "where": worst["dataset"],
                "to": worst["best peer"],
            }
        )
    print_table(pd.DataFrame(rows), decimals=2)
    far = found[found["minus best peer"] < -0.015]
    print(f"Tasks where {arm} is more than 1.5 points behind the best peer: {len(far)}\n")
    if len(far):
        shown = far.sort_values("minus best peer").reset_index(drop=True)
        print_table(shown)
