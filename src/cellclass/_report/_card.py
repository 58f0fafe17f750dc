"""The model card and the contract's report, as names and values to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._keys import BASELINE, CONFUSION, TRAINING_PRIOR
from cellclass._report._words import percent, score

if TYPE_CHECKING:
    from cellclass._report._facts import Facts

_NAMES = {
    "class": "Class",
    "trained": "Trained",
    "n_training_cells": "Training cells",
    "n_validation_cells": "Validation cells",
    "n_networks": "Networks",
    "n_genes": "Genes that it reads",
    "expression": "Reads the expression as",
    "reference_scale": "Scale of the reference",
    "temperature": "Temperature of the calibration",
    "fingerprint": "Fingerprint of the reference",
}
_EXPRESSION = {
    "log1p_normalized": "log1p of counts normalized per cell",
    "log1p_counts": "log1p of counts",
}
_SCORES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}


def card_rows(facts: Facts) -> list[tuple[str, str]]:
    """Return names and values of the model card, the known ones first."""
    card = facts.card
    rows = [(name, _in_words(key, card)) for key, name in _NAMES.items() if key in card]
    if card:
        rows.append((f"Labels ({len(facts.labels)})", ", ".join(facts.labels)))
    if "validation" in card:
        rows.append(("On its validation cells", _scores(card["validation"])))
    if BASELINE in card:
        rows.append(("Beside a logistic regression", str(card[BASELINE]["summary"])))
    if "versions" in card:
        versions = sorted(card["versions"].items())
        rows.append(("Made with", ", ".join(f"{name} {number}" for name, number in versions)))
    shown = {*_NAMES, "labels", "validation", "versions", BASELINE, CONFUSION, TRAINING_PRIOR}
    return rows + [(str(name), _value(card[name])) for name in card if name not in shown]


def _in_words(key: str, card: Mapping[str, Any]) -> str:
    if key == "expression" and card[key] in _EXPRESSION:
        return _EXPRESSION[card[key]]
    if key == "trained":
        try:
            return f"{datetime.fromisoformat(str(card[key])):%Y-%m-%d %H:%M %Z}"
        except ValueError:
            return str(card[key])
    return _value(card[key])


def input_rows(facts: Facts) -> list[tuple[str, str]]:
    """Return names and values of what the input contract found and did."""
    report = facts.contract
    if not report:
        return []
    expected = int(report["n_genes_expected"])
    rows = [
        ("Expression read from", str(report["source"])),
        ("Conversion", str(report["conversion"])),
        ("Genes of the model found", f"{int(report['n_genes_matched']):,} of {expected:,}"),
        ("What the missing ones carry", percent(float(report["missing_importance"]))),
        ("Genes of the query not used", f"{int(report['n_genes_extra']):,}"),
    ]
    accuracy, error = (
        float(report.get(name, np.nan)) for name in ("expected_accuracy", "expected_accuracy_error")
    )
    if not np.isnan(accuracy):
        rows.append(("Expected share of right labels", f"{percent(accuracy)} ± {percent(error)}"))
    return rows


def _scores(found: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {score(float(found[key]))}" for key, name in _SCORES.items() if key in found
    )


def _value(value: Any) -> str:  # noqa: ANN401 - whatever a card holds
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(entry)}" for name, entry in value.items())
    if isinstance(value, (list, tuple, np.ndarray)):
        return ", ".join(_value(entry) for entry in value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value)
