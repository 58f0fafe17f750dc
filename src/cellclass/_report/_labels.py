"""Figures by label: those given, and the true ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass._keys import UNASSIGNED
from cellclass.metrics._is_novel import is_novel

if TYPE_CHECKING:
    import pandas as pd

    from cellclass._report._facts import Facts

_N_SAMPLES = 1000


class LabelRecall(NamedTuple):
    """How the cells of a true label were answered."""

    label: str
    n_cells: int
    n_right: int
    recall: float
    precision: float
    """NaN where no cell got the label."""
    f1: float
    known: bool
    """Whether the model can give it."""
    taken_for: str
    """The wrong answer that most of the others got; empty where there is none."""
    n_taken: int


def label_recalls(facts: Facts) -> list[LabelRecall]:
    """Return a row for each true label, in the model's order and then by name."""
    confusion, scores = facts.table("confusion"), facts.table("labels")
    places = {label: place for place, label in enumerate(facts.labels)}
    given = confusion.sum()
    rows = []
    for label in sorted(scores.index, key=lambda name: (places.get(name, len(places)), name)):
        answers = confusion.loc[label]
        wrong = answers.drop(label, errors="ignore")
        taken = int(wrong.max()) if len(wrong) else 0
        rows.append(
            LabelRecall(
                label=str(label),
                n_cells=int(answers.sum()),
                n_right=int(answers.get(label, 0)),
                recall=float(scores.loc[label, "recall"]),
                precision=float(scores.loc[label, "precision"]) if given.get(label) else math.nan,
                f1=float(scores.loc[label, "f1"]),
                known=label in places,
                taken_for=str(wrong.idxmax()) if taken else "",
                n_taken=taken,
            )
        )
    return rows


def given_labels(facts: Facts) -> pd.DataFrame:
    """Return `n_cells`, `confidence` (median) and `novel` (share) of each given label.

    The most frequent stand first, and the cells without a label last.
    """
    pvalue = facts.predictions["novelty_pvalue"]
    novel = is_novel(pvalue).astype(np.float64).where(pvalue.notna())
    frame = facts.predictions.assign(novel=novel)
    groups = frame.groupby("label", sort=False)
    found = groups.agg(
        n_cells=("label", "size"), confidence=("confidence", "median"), novel=("novel", "mean")
    )
    order = sorted(
        found.index,
        key=lambda label: (label == UNASSIGNED, -found.loc[label, "n_cells"], label),
    )
    return found.loc[order]


def chance_of_calibration_error(curve: pd.DataFrame) -> float:
    """Return the calibration error that a well-calibrated model stays below in 95 of 100 samples.

    In each bin of confidence as many cells are right as a binomial distribution says with the
    bin's mean confidence. Bins count as `expected_calibration_error` counts them.
    """
    filled = curve[curve["n_obs"] > 0]
    n_obs = filled["n_obs"].to_numpy(dtype=np.int64)
    if n_obs.size == 0:
        return float("nan")
    confidence = filled["confidence"].to_numpy().clip(0, 1)
    right = np.random.default_rng(0).binomial(n_obs, confidence, size=(_N_SAMPLES, len(n_obs)))
    errors = np.abs(right - n_obs * confidence).sum(axis=1) / n_obs.sum()
    return float(np.quantile(errors, 0.95))
