"""Let the answers of a query follow the proportions of its labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._keys import TRAINING_PRIOR
from cellclass._warn import warn
from cellclass.metrics import estimate_prior_shift

if TYPE_CHECKING:
    from cellclass.model import CellScores

# Fewer cells than this say little about proportions.
_FEW_CELLS = 100


def correct_prior(scores: CellScores, card: dict[str, Any]) -> tuple[CellScores, dict[str, Any]]:
    """Return the scores under the proportions of the query's labels, and what was estimated.

    Cells without counts do not count and stay as they are. The estimate can run away: where another
    donor or protocol gives most cells a trace of a rare label, its share grows until it swallows a
    common one. Then more labels change than are wrong by the cells' own confidence, and the scores
    are returned as they were.
    """
    if TRAINING_PRIOR not in card:
        raise ValueError(
            "prior_correction=True needs the shares of the labels in training, which the card of "
            "this model does not hold: it was trained by an earlier version. Train it again."
        )
    filled = ~scores.empty
    if filled.sum() < _FEW_CELLS:
        warn(
            f"The proportions of the labels are estimated from {filled.sum()} cells, which is "
            "little: prior_correction is meant for whole samples.",
        )
    shift = estimate_prior_shift(scores.probability[filled], card[TRAINING_PRIOR])
    if not shift.converged:
        warn(
            f"The proportions of the labels still changed after {shift.n_iterations} iterations: "
            "the labels are hard to tell apart in this query. Compare with prior_correction=False.",
        )
    probability = scores.probability.copy()
    probability[filled] = shift.corrected(scores.probability[filled]).astype(np.float32)
    corrected = replace(scores, probability=probability)
    changed = float((corrected.codes != scores.codes)[filled].mean()) if filled.any() else 0.0
    allowed = float(1 - scores.confidence[filled].mean(dtype=np.float64)) if filled.any() else 0.0
    found = {
        TRAINING_PRIOR: shift.training_prior,
        "query_prior": shift.query_prior,
        "n_iterations": shift.n_iterations,
        "converged": shift.converged,
        "share_changed": changed,
        "applied": changed <= allowed,
    }
    if changed > allowed:
        warn(
            f"prior_correction was left out: it would change {changed:.1%} of the labels, and only "
            f"{allowed:.1%} of them are wrong by the confidence of the cells. The query differs "
            "from the reference in more than its proportions.",
        )
        return scores, found
    return corrected, found
