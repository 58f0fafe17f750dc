"""Figures by label."""

import numpy as np
import pandas as pd
import pytest

from cellclass._report._labels import chance_of_calibration_error, given_labels, label_recalls
from cellclass.metrics import expected_calibration_error, reliability_curve


def test_label_recalls(by_hand, facts_of):
    adata = by_hand(["A", "A", "B", "B", "A"], ["A", "B", "B", "C", "A"], labels=["B", "A"])
    rows = label_recalls(facts_of(adata, labels_key="truth"))
    assert [row.label for row in rows] == ["B", "A", "C"]
    b, a, c = rows
    assert (b.n_cells, b.n_right, b.recall, b.taken_for, b.n_taken) == (2, 1, 0.5, "A", 1)
    assert (a.recall, a.taken_for) == (1, "")
    assert a.precision == pytest.approx(2 / 3)
    assert not c.known
    assert c.taken_for == "B"
    assert np.isnan(c.precision)  # of no cells


def test_given_labels(by_hand, facts_of):
    pvalue = np.array([0.01, 0.5, np.nan, np.nan])
    adata = by_hand(["A", "A", "A", "B"], confidence=[0.2, 0.4, 0.9, 0.5], pvalue=pvalue)
    found = given_labels(facts_of(adata))
    assert found.index.tolist() == ["A", "B"]
    assert found.loc["A", "n_cells"] == 3
    assert found.loc["A", "confidence"] == pytest.approx(0.4)
    assert found.loc["A", "novel"] == 0.5
    assert np.isnan(found.loc["B", "novel"])


def test_chance_of_calibration_error_covers_a_calibrated_model():
    rng = np.random.default_rng(1)
    confidence = rng.beta(5, 1, size=300)
    curves, errors = [], []
    for _ in range(200):
        correct = rng.random(300) < confidence
        errors.append(expected_calibration_error(confidence, correct))
        curves.append(reliability_curve(confidence, correct))
    bound = chance_of_calibration_error(curves[0])
    assert 0.9 <= np.mean(np.array(errors) <= bound) <= 0.99


def test_no_cells_have_no_bound():
    curve = pd.DataFrame({"n_obs": [0], "confidence": [np.nan]})
    assert np.isnan(chance_of_calibration_error(curve))
