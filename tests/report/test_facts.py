"""What a report rests on is gathered without a trace in the caller's AnnData."""

import anndata as ad
import numpy as np
import pytest

import cellclass as cc
from cellclass.errors import LabelError


def test_the_annotation_is_taken_as_it_is(annotated, model, facts_of, unchanged):
    with unchanged(annotated):
        facts = facts_of(annotated, model, labels_key="cell_type")
    assert facts.was_annotated
    assert facts.is_reference is False
    assert facts.labels == model.labels
    assert (facts.predictions["label"] == annotated.obs["cellclass"].astype(str)).all()
    expected = cc.tl.evaluate(annotated, "cell_type", copy=True)
    theirs = cc.get.evaluation_df(expected, table="scores").iloc[0]
    assert facts.scores["accuracy"] == theirs["accuracy"]
    assert facts.scores["n_known"] == facts.scores["n_obs"] == annotated.n_obs


@pytest.mark.parametrize("backed", [False, True])
def test_a_query_without_labels_gets_them_in_a_copy(
    query, model, facts_of, unchanged, tmp_path, backed
):
    expected = cc.tl.annotate(query, model, copy=True).obs["cellclass"]
    if backed:
        query.write_h5ad(tmp_path / "query.h5ad")
        query = ad.read_h5ad(tmp_path / "query.h5ad", backed="r")
        facts = facts_of(query, model)
        assert "cellclass" not in query.obs
    else:
        with unchanged(query):
            facts = facts_of(query, model)
    assert not facts.was_annotated
    np.testing.assert_array_equal(facts.predictions["label"], expected.astype(str))
    assert facts.contract["scale"] == "counts"


def test_part_of_a_file_has_to_be_read_first(annotated, model, facts_of, tmp_path):
    annotated.write_h5ad(tmp_path / "query.h5ad")
    some = ad.read_h5ad(tmp_path / "query.h5ad", backed="r")[:50]
    with pytest.raises(ValueError, match="to_memory"):
        facts_of(some, model)


def test_the_reference_is_recognised(reference, model, facts_of):
    assert facts_of(reference, model).is_reference


def test_a_subset_is_a_view_that_stays_one(annotated, model, facts_of):
    some = annotated[:40]
    facts = facts_of(some, model, labels_key="cell_type")
    assert some.is_view
    assert facts.adata.n_obs == 40


def test_truth_of_an_earlier_evaluation(annotated, facts_of):
    assert facts_of(annotated).scored is None
    cc.tl.evaluate(annotated, "cell_type")
    assert facts_of(annotated).labels_key == "cell_type"
    del annotated.obs["cell_type"]
    assert facts_of(annotated).scored is None


def test_cells_without_truth_are_not_scored(by_hand, facts_of):
    facts = facts_of(by_hand(["A", "B", "B", "A"], ["A", "B", None, " "]), labels_key="truth")
    assert facts.scored.n_obs == 2
    assert facts.scores["accuracy"] == 1
    with pytest.raises(LabelError, match="no label for any of 2 cells"):
        facts_of(by_hand(["A", "B"], [None, ""]), labels_key="truth")


def test_true_labels_that_the_model_lacks(by_hand, facts_of):
    facts = facts_of(
        by_hand(["A", "B", "A", "unassigned"], ["A", "B", "C", "A"]), labels_key="truth"
    )
    assert facts.scores["accuracy"] == 0.5
    assert facts.scores["accuracy_known"] == pytest.approx(2 / 3)
    assert facts.scores["accuracy_given"] == pytest.approx(2 / 3)


def test_another_model_is_refused(annotated, model, facts_of):
    annotated.uns["cellclass"]["model"]["fingerprint"] = "of other cells"
    with pytest.raises(ValueError, match="made by another model than the one given: fingerprint"):
        facts_of(annotated, model)


def test_what_is_missing_is_said(by_hand, query, model, facts_of):
    with pytest.raises(KeyError, match="There is no annotation"):
        facts_of(query)
    with pytest.raises(KeyError, match="labels_key='none' is not a column"):
        facts_of(by_hand(["A", "B"]), labels_key="none")
    with pytest.raises(TypeError, match="model is a str"):
        facts_of(by_hand(["A", "B"]), "folder")
    with pytest.raises(ValueError, match="the annotation itself"):
        facts_of(by_hand(["A", "B"]), labels_key="cellclass")
    scaled = query.copy()
    del scaled.layers["counts"]
    scaled.X = scaled.X.toarray() - 1.5
    with pytest.raises(cc.errors.ScaleError):
        facts_of(scaled, model)
