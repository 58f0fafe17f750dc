"""Card and contract are shown in full, whatever they hold."""

import numpy as np

from cellclass._report._card import card_rows, input_rows


def test_card(annotated, model, facts_of):
    rows = dict(card_rows(facts_of(annotated, model)))
    assert rows["Class"] == "CellClassifierMLP"
    assert rows[f"Labels ({len(model.labels)})"].startswith(model.labels[0])
    assert "macro-F1" in rows["On its validation cells"]
    assert "torch" in rows["Made with"]
    assert rows["Trained"].endswith("UTC")
    assert "T" not in rows["Trained"].removesuffix("UTC")
    assert rows["Reads the expression as"] == "log1p of counts normalized per cell"
    assert "confusion" not in rows  # which is a table of its own


def test_what_is_new_in_a_card_is_shown_too(annotated, facts_of):
    card = annotated.uns["cellclass"]["model"]
    card["news"] = {"many": np.array([1.5, 2.0]), "is": True, "n": np.int64(1000)}
    card["baseline"] = {"winner": "neither", "summary": "No difference."}
    rows = dict(card_rows(facts_of(annotated)))
    assert rows["news"] == "many: 1.5, 2, is: yes, n: 1,000"
    assert rows["Beside a logistic regression"] == "No difference."


def test_input(annotated, by_hand, facts_of):
    rows = dict(input_rows(facts_of(annotated)))
    assert rows["Genes of the model found"] == "300 of 300"
    assert rows["Conversion"].startswith("counts → log1p of counts per")
    assert rows["Expected share of right labels"].count("%") == 2
    assert input_rows(facts_of(by_hand(["A", "B"]))) == []
