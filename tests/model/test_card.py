"""The card says where a model comes from, in plain types."""

import json
from importlib.metadata import version

import numpy as np
import pytest


def test_card(model, reference):
    card = model.card
    assert card["class"] == "CellClassifierMLP"
    assert card["labels"] == list(model.labels)
    assert card["n_genes"] == model.contract.n_genes == 300
    assert card["n_networks"] == 5
    assert card["n_training_cells"] == card["n_validation_cells"] == reference.n_obs
    assert card["reference_scale"] == "counts"
    assert card["versions"]["scvi-tools"] == version("scvi-tools")
    assert 0.05 <= card["temperature"] <= 20
    assert set(card["validation"]) == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert json.loads(json.dumps(card)) == card


def test_confusion_matrix_of_the_validation_cells(model, reference):
    confusion = np.array(model.card["confusion"])
    truth = reference.obs["cell_type"].astype(str).to_numpy()[model.validation_indices]
    counts = [int((truth == label).sum()) for label in model.labels]
    assert confusion.sum(axis=1).tolist() == counts
    right = confusion.trace() / confusion.sum()
    assert right == pytest.approx(model.card["validation"]["accuracy"])


@pytest.mark.parametrize("change", ["cells", "genes", "order"])
def test_fingerprint_tells_references_apart(tiny, fit, change):
    first = fit(tiny.copy(), labels_key="label", layer=None, epochs=1).card["fingerprint"]
    same = fit(tiny.copy(), labels_key="label", layer=None, epochs=1).card["fingerprint"]
    other = tiny[::-1].copy() if change == "order" else tiny.copy()
    if change == "cells":
        other.obs_names = [f"other{i}" for i in range(other.n_obs)]
    if change == "genes":
        other.var_names = [f"other{i}" for i in range(other.n_vars)]
    assert first == same
    assert fit(other, labels_key="label", layer=None, epochs=1).card["fingerprint"] != first
