"""The few numbers that stand at the head of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass._report._words import percent, score
from cellclass.metrics._is_novel import NOVEL, is_novel

if TYPE_CHECKING:
    from cellclass._report._facts import Facts


class Tile(NamedTuple):
    """A number, what it is, and what to compare it with."""

    name: str
    value: str
    note: str


def tiles_of(facts: Facts) -> list[Tile]:
    """Return the numbers that fit what is known."""
    return [*(_with_truth(facts) if facts.scores else _without_truth(facts)), *_of_cells(facts)]


def _with_truth(facts: Facts) -> list[Tile]:
    scores, validation = facts.scores, facts.card.get("validation", {})

    def beside(name: str) -> str:
        if name not in validation:
            return ""
        return f"validation cells: {score(float(validation[name]))}"

    tiles = [
        Tile("Accuracy", score(scores["accuracy"]), beside("accuracy")),
        Tile("Macro-F1", score(scores["macro_f1"]), beside("macro_f1")),
        Tile("Balanced accuracy", score(scores["balanced_accuracy"]), beside("balanced_accuracy")),
    ]
    if 0 < scores["n_known"] < scores["n_obs"]:
        known = f"{scores['n_known']:,} of {scores['n_obs']:,.0f} cells"
        tiles.append(Tile("Accuracy, known labels", score(scores["accuracy_known"]), known))
    sure = f"mean confidence {score(scores['mean_confidence'])}"
    return [*tiles, Tile("Calibration error", score(scores["expected_calibration_error"]), sure)]


def _without_truth(facts: Facts) -> list[Tile]:
    confidence = facts.predictions["confidence"][facts.assigned]
    mean = float(confidence.mean()) if len(confidence) else np.nan
    tiles = [Tile("Mean confidence", score(mean), "of the cells with a label")]
    expected = float(facts.contract.get("expected_accuracy", np.nan))
    if not np.isnan(expected):
        error = percent(float(facts.contract["expected_accuracy_error"]))
        tiles.append(Tile("Expected share right", percent(expected), f"± {error}; an estimate"))
    return tiles


def _of_cells(facts: Facts) -> list[Tile]:
    pvalue = facts.predictions["novelty_pvalue"].dropna()
    novel = float(is_novel(pvalue).mean()) if len(pvalue) else np.nan
    without = int((~facts.assigned).sum())
    n_given = facts.predictions["label"][facts.assigned].nunique()
    return [
        Tile("Unlike the reference", percent(novel), f"{NOVEL:.0%} by chance"),
        Tile("Without a label", f"{without:,}", f"of {facts.adata.n_obs:,} cells"),
        Tile("Labels given", f"{n_given:,}", f"of {len(facts.labels):,} that the model knows"),
    ]
