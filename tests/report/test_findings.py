"""Failures stand first, in words that a reader can act on."""

from dataclasses import replace

import numpy as np
import pytest

from cellclass._report._findings import find


def titles(facts, level=None):
    return [one.title for one in find(facts) if level in (None, one.level)]


def test_the_worst_comes_first(by_hand, facts_of):
    adata = by_hand(["A"] * 60 + ["B"] * 40, ["A"] * 40 + ["B"] * 60, pvalue=0.01, confidence=0.6)
    levels = [one.level for one in find(facts_of(adata, labels_key="truth"))]
    assert levels == sorted(levels, key=["problem", "caution", "repaired", "unknown"].index)
    assert levels[0] == "problem"
    assert levels[-1] == "unknown"


def test_low_recall_is_named_with_what_it_is_taken_for(by_hand, facts_of):
    adata = by_hand(["A"] * 50 + ["A"] * 30 + ["B"] * 20, ["A"] * 50 + ["B"] * 50)
    finding = next(
        one for one in find(facts_of(adata, labels_key="truth")) if "found in" in one.title
    )
    assert finding.level == "problem"
    assert finding.title == "1 label found in fewer than 70% of its cells"
    assert finding.labels == ("B: 20 of 50; 30 are called A",)
    assert "chance" not in finding.text


def test_few_cells_are_said_to_be_few(by_hand, facts_of):
    adata = by_hand(["A"] * 50 + ["A"] * 3, ["A"] * 50 + ["B"] * 3, labels=["A", "B"])
    finding = next(
        one for one in find(facts_of(adata, labels_key="truth")) if "found in" in one.title
    )
    assert "With fewer than 20 cells, as one of them has" in finding.text


def test_foreign_labels(by_hand, facts_of):
    adata = by_hand(["A", "B", "A", "B"], ["A", "B", "C", "C"])
    assert "1 true label that the model does not know" in titles(
        facts_of(adata, labels_key="truth"), "problem"
    )
    adata = by_hand(["A", "B"], ["a cell", "b cell"])
    found = titles(facts_of(adata, labels_key="truth"), "problem")
    assert "None of the true labels is one of the model's" in found
    assert not any("fewer than" in title for title in found)  # the one cause is enough


def test_without_truth(by_hand, facts_of):
    facts = facts_of(by_hand(["A", "B"] * 10))
    assert "How many labels are right is not known" in titles(facts, "unknown")
    assert titles(facts, "problem") == []


@pytest.mark.parametrize(
    ("name", "column", "is_named"),
    [
        ("author", ["A", "B"], True),
        ("author", ["A", None], True),
        ("cellclass_truth", ["A", "B"], True),
        ("author", ["C", "B"], False),
        ("author", [None, None], False),
    ],
)
def test_a_column_that_may_be_the_truth_is_named(by_hand, facts_of, name, column, is_named):
    adata = by_hand(["A", "B"] * 10)
    adata.obs.insert(0, "depth", 1.0)
    adata.obs[name] = column * 10
    adata.obs[name] = adata.obs[name].astype("category")
    found = [one for one in find(facts_of(adata)) if "may hold" in one.title]
    assert [one.title for one in found] == [f"obs[{name!r}] may hold the true labels"] * is_named
    assert all(f"--labels-key {name}" in one.text for one in found)


def test_other_predictions_are_no_truth(by_hand, facts_of):
    adata = by_hand(["A", "B"] * 10)
    adata.obs["older"] = adata.obs["older_plain"] = ["A", "B"] * 10
    adata.obs["older_confidence"] = 0.9
    assert not any("may hold" in one.title for one in find(facts_of(adata)))


def test_labels_that_are_numbers(by_hand, facts_of):
    adata = by_hand(["1", "2"] * 10, labels=["1", "2"])
    adata.obs["cluster"] = [1, 2] * 10
    assert any("obs['cluster'] may hold" in one.title for one in find(facts_of(adata)))


def test_cells_without_truth(by_hand, facts_of):
    adata = by_hand(["A", "B", "A"], ["A", "B", None])
    assert "1 cell without a true label" in titles(facts_of(adata, labels_key="truth"), "unknown")


@pytest.mark.parametrize(
    ("confidence", "n_right", "level", "words"),
    [
        (0.95, 600, "problem", "too sure"),
        (0.6, 950, "problem", "not sure enough"),
        (0.9, 820, "caution", "too sure"),
        (0.9, 890, None, ""),
    ],
)
def test_calibration(by_hand, facts_of, confidence, n_right, level, words):
    truth = ["A"] * n_right + ["B"] * (1000 - n_right)
    facts = facts_of(by_hand(["A"] * 1000, truth, confidence=confidence), labels_key="truth")
    found = [one for one in find(facts) if "confidence is" in one.title]
    assert [one.level for one in found] == ([level] if level else [])
    assert all(words in one.title for one in found)


def test_poor_calibration_of_few_cells_is_chance(by_hand, facts_of):
    adata = by_hand(["A"] * 10, ["A"] * 8 + ["B"] * 2, confidence=0.9)
    facts = facts_of(adata, labels_key="truth")
    assert facts.scores["expected_calibration_error"] == pytest.approx(0.1)
    assert not [title for title in titles(facts) if "confidence is" in title]


@pytest.mark.parametrize(("share", "level"), [(0.05, None), (0.3, "caution"), (0.8, "problem")])
def test_novel_cells(by_hand, facts_of, share, level):
    pvalue = np.where(np.arange(200) < 200 * share, 0.001, 0.6)
    given = ["new"] * 100 + ["old"] * 100
    found = [one for one in find(facts_of(by_hand(given, pvalue=pvalue))) if "unlike" in one.title]
    assert [one.level for one in found] == ([level] if level else [])
    if level:
        assert f"{share:.0%} of the cells" in found[0].title
        assert found[0].labels[0].startswith("new: ")


def test_no_pvalues_no_unsure_cells(by_hand, facts_of):
    facts = facts_of(by_hand(["A", "B"], pvalue=np.nan))
    assert "Novel cells cannot be told" in titles(facts, "unknown")
    facts = facts_of(by_hand(["A", "B"], confidence=0.3))
    assert "100% of the labels have a confidence below 0.5" in titles(facts, "caution")


def test_cells_without_a_label(by_hand, facts_of):
    facts = facts_of(by_hand(["A"] * 90 + ["unassigned"] * 10))
    assert "10 cells got no label (10%)" in titles(facts, "caution")
    facts = facts_of(by_hand(["A"] + ["unassigned"] * 3))
    assert "3 cells got no label (75%)" in titles(facts, "problem")
    facts = facts_of(by_hand(["unassigned"] * 3, ["A"] * 3), labels_key="truth")
    assert "3 cells got no label (100%)" in titles(facts, "problem")


def test_the_reference_itself(annotated, facts_of):
    facts = replace(facts_of(annotated, labels_key="cell_type"), is_reference=True)
    assert titles(facts, "problem")[0] == "These are the cells that the model was made with"


def test_the_baseline(annotated, facts_of):
    card = annotated.uns["cellclass"]["model"]
    assert "The model was not compared with a logistic regression" in titles(facts_of(annotated))
    card["baseline"] = {"winner": "logistic regression", "summary": "It was better."}
    assert "A logistic regression did better than this model" in titles(
        facts_of(annotated), "caution"
    )
    card["baseline"]["winner"] = "neither"
    assert not any("logistic" in title for title in titles(facts_of(annotated)))


def test_fewer_right_than_in_validation(annotated, facts_of):
    annotated.uns["cellclass"]["model"]["validation"]["accuracy"] = 1.0
    found = titles(facts_of(annotated, labels_key="cell_type"), "caution")
    assert any(title.startswith("Fewer right labels than") for title in found)


def test_prior_correction(annotated, facts_of):
    note = {"share_changed": 0.02, "applied": True}
    annotated.uns["cellclass"]["prior_correction"] = note
    assert "Labels follow the proportions of this query" in titles(facts_of(annotated), "repaired")
    note["applied"] = False
    assert any("left out" in title for title in titles(facts_of(annotated), "caution"))


def test_a_record_that_concatenation_dropped(annotated, facts_of):
    del annotated.uns["cellclass"]
    found = titles(facts_of(annotated), "unknown")
    assert "What was done to the expression is not known" in found
    assert "Which model this was is not known" in found


def test_a_good_query_has_no_problem(by_hand, facts_of):
    given = ["A", "B"] * 100
    facts = facts_of(by_hand(given, given, confidence=0.99), labels_key="truth")
    assert titles(facts, "problem") == titles(facts, "caution") == []
