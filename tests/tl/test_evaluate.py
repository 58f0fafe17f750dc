"""Numbers of an evaluation are scikit-learn's."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

import cellclass as cc
from cellclass.errors import LabelError
from cellclass.metrics import expected_calibration_error

WRITTEN = ("adata.uns.cellclass_evaluation",)


@pytest.fixture
def annotated(query, model):
    cc.tl.annotate(query, model)
    return query


def test_numbers(annotated, unchanged):
    with unchanged(annotated, but=WRITTEN):
        assert cc.tl.evaluate(annotated, "cell_type") is None
    truth = annotated.obs["cell_type"].astype(str)
    predicted = annotated.obs["cellclass"].astype(str)
    found = annotated.uns["cellclass_evaluation"]
    assert set(found) == {
        "params",
        "scores",
        "report",
        "confusion",
        "confusion_truth",
        "confusion_predicted",
        "reliability",
    }
    scores, labels = found["scores"], sorted(set(truth))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert scores["balanced_accuracy"] == pytest.approx(
        metrics.recall_score(truth, predicted, average="macro", labels=labels)
    )
    assert scores["macro_f1"] == pytest.approx(
        metrics.f1_score(truth, predicted, average="macro", labels=labels, zero_division=0)
    )
    confidence = annotated.obs["cellclass_confidence"].to_numpy(np.float64)
    assert scores["mean_confidence"] == pytest.approx(confidence.mean())
    assert scores["expected_calibration_error"] == pytest.approx(
        expected_calibration_error(confidence, (truth == predicted).to_numpy())
    )
    assert (scores["n_obs"], scores["n_unassigned"]) == (annotated.n_obs, 0)
    table = pd.crosstab(truth, predicted)
    ours = pd.DataFrame(found["confusion"], found["confusion_truth"], found["confusion_predicted"])
    pd.testing.assert_frame_equal(
        ours.loc[table.index, table.columns], table, check_names=False, check_dtype=False
    )
    assert ours.to_numpy().sum() == annotated.n_obs
    assert found["reliability"]["n_obs"].sum() == annotated.n_obs
    assert found["params"] == {"labels_key": "cell_type", "key": "cellclass"}


def test_copy(annotated, unchanged):
    with unchanged(annotated):
        scored = cc.tl.evaluate(annotated, "cell_type", copy=True)
    assert "cellclass_evaluation" in scored.uns


def test_labels_that_the_model_does_not_know_are_missed(annotated):
    truth = annotated.obs["cell_type"].astype(str)
    truth.iloc[:20] = "novel"
    annotated.obs["truth"] = truth
    cc.tl.evaluate(annotated, "truth")
    report = annotated.uns["cellclass_evaluation"]["report"]
    assert report.loc["novel", "recall"] == 0
    assert report.loc["novel", "support"] == 20


def test_numeric_labels(tiny, fit):
    tiny.obs["label"] = np.arange(90) % 3 * 10
    model = fit(tiny, labels_key="label", layer=None, epochs=20)
    cc.tl.annotate(tiny, model)
    cc.tl.evaluate(tiny, "label")
    assert tiny.uns["cellclass_evaluation"]["scores"]["accuracy"] > 0.5


def test_one_true_label(annotated):
    """All cells of one kind, all recognised: a table of one number, and no warning."""
    part = annotated[annotated.obs["cellclass"] == annotated.obs["cell_type"].astype(str)]
    part = part[part.obs["cell_type"] == "CD19+ B"].copy()
    cc.tl.evaluate(part, "cell_type")
    assert part.uns["cellclass_evaluation"]["scores"]["macro_f1"] == 1
    assert part.uns["cellclass_evaluation"]["confusion"].tolist() == [[part.n_obs]]


@pytest.mark.parametrize("value", [np.nan, None, "", "  "])
def test_cells_without_truth(annotated, value, unchanged):
    labels = annotated.obs["cell_type"].astype(object)
    labels.iloc[[2, 5]] = value
    annotated.obs["truth"] = labels
    with unchanged(annotated), pytest.raises(LabelError, match="no label for 2 of 234 cells"):
        cc.tl.evaluate(annotated, "truth")
    if value != "  ":  # the advice works
        kept = annotated.obs["truth"].notna() & (annotated.obs["truth"] != "")
        cc.tl.evaluate(annotated[kept].copy(), "truth")


def test_what_is_missing(annotated, query, unchanged):
    with unchanged(annotated), pytest.raises(KeyError, match=r"labels_key='celltype'.*'cell_type'"):
        cc.tl.evaluate(annotated, "celltype")
    with unchanged(annotated), pytest.raises(KeyError, match=r"annotate.*key_added='other'"):
        cc.tl.evaluate(annotated, "cell_type", key="other")
    with pytest.raises(ValueError, match="0 cells"):
        cc.tl.evaluate(annotated[:0], "cell_type")


def test_h5ad_and_back(annotated, tmp_path):
    cc.tl.evaluate(annotated, "cell_type")
    tables = ("labels", "confusion", "scores", "reliability")
    before = {table: cc.get.evaluation_df(annotated, table=table) for table in tables}
    annotated.write_h5ad(tmp_path / "q.h5ad")
    again = ad.read_h5ad(tmp_path / "q.h5ad")
    for table, frame in before.items():
        found = cc.get.evaluation_df(again, table=table)
        np.testing.assert_allclose(found.to_numpy(float), frame.to_numpy(float), err_msg=table)
        assert list(found.columns) == list(frame.columns)
        assert list(map(str, found.index)) == list(map(str, frame.index))
