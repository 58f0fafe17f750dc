"""The verb `info` for a saved model: what it expects, and how good it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._keys import BASELINE
from cellclass.cli._saved_model import load_model
from cellclass.cli._session import Answer
from cellclass.cli._tables import some, two_columns

if TYPE_CHECKING:
    from pathlib import Path


def info_of_model(folder: Path) -> Answer:
    """Tell what a saved model expects of its input."""
    model = load_model(folder, device="cpu")
    card, contract = model.card, model.contract
    setup = model.registry["setup_args"]
    genes = contract.model_genes.tolist()
    summary = {
        "model": str(folder),
        "class": type(model).__name__,
        "is_trained": bool(model.is_trained),
        "trained": card.get("trained"),
        "labels": list(model.labels),
        "labels_key": setup["labels_key"],
        "layer": contract.layer,
        "previous_layer": contract.previous_layer,
        "batch_key": setup.get("batch_key"),
        "reference_scale": contract.scale,
        "expression": contract.expression,
        "target_sum": contract.target_sum,
        "namespace": contract.namespace,
        "n_genes": contract.n_genes,
        "n_reference_genes": len(contract.genes),
        "genes": genes,
        "n_training_cells": card.get("n_training_cells"),
        "n_validation_cells": card.get("n_validation_cells"),
        "validation": card.get("validation"),
        "baseline": card.get(BASELINE),
        "versions": card.get("versions"),
        "settings": model.init_params_["non_kwargs"],
    }
    takes = "counts, read as log1p of them"
    if contract.target_sum:
        takes = (
            "counts, normalised counts, or logarithms of either; read as log1p of counts per "
            f"{contract.target_sum:,.0f}"
        )
    rows = {
        "trained": summary["trained"] or "not yet; only pre-trained",
        "labels": f"{len(model.labels)}: {some(model.labels)}",
        "genes": f"{contract.n_genes:,} of the reference's {len(contract.genes):,}, named by "
        f"{contract.namespace}: {some(genes)}",
        "reference": f"{contract.scale} in "
        + (f"layer {contract.layer!r}" if contract.layer else "X"),
        "takes": takes,
    }
    if contract.previous_layer:
        rows["earlier time point"] = f"layer {contract.previous_layer!r}"
    if card.get("validation") and card["n_validation_cells"]:
        scores = card["validation"]
        rows["validation"] = (
            f"accuracy {scores['accuracy']:.3f}, macro-F1 {scores['macro_f1']:.3f} on "
            f"{card['n_validation_cells']:,} of the reference's cells"
        )
    if BASELINE in card:
        rows["baseline"] = card[BASELINE]["summary"]
    made = ", ".join(f"{name} {found}" for name, found in (card.get("versions") or {}).items())
    rows["made with"] = made or "unknown"
    return Answer(summary, [two_columns(f"{type(model).__name__} in {folder}", rows)])
