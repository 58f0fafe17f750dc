"""Predictions as a data frame."""

import anndata as ad
import numpy as np
import pytest

import cellclass as cc


@pytest.fixture
def annotated(query, model):
    cc.tl.annotate(query, model)
    return query


def test_frame(annotated):
    frame = cc.get.predictions_df(annotated)
    assert list(frame) == ["label", "confidence", "novelty_pvalue"]
    assert frame.index.equals(annotated.obs_names)
    np.testing.assert_array_equal(frame["label"], annotated.obs["cellclass"])
    np.testing.assert_array_equal(frame["confidence"], annotated.obs["cellclass_confidence"])


def test_probabilities_by_label_also_after_a_file(annotated, model, tmp_path, unchanged):
    with unchanged(annotated):
        frame = cc.get.predictions_df(annotated, probability=True)
    assert list(frame)[3:] == list(model.labels)
    assert any("/" in label for label in model.labels)
    np.testing.assert_array_equal(frame[list(model.labels)], model.predict(annotated, soft=True))
    annotated.write_h5ad(tmp_path / "q.h5ad")
    again = cc.get.predictions_df(ad.read_h5ad(tmp_path / "q.h5ad"), probability=True)
    assert list(again) == list(frame)
    np.testing.assert_array_equal(again[list(model.labels)], frame[list(model.labels)])


def test_changing_the_frame_leaves_the_anndata(annotated, unchanged):
    with unchanged(annotated):
        frame = cc.get.predictions_df(annotated, probability=True)
        frame["confidence"] = 0.0
        frame.iloc[0, 3] = 9.0


def test_not_annotated(query, unchanged):
    with unchanged(query), pytest.raises(KeyError, match=r"cc.tl.annotate\(adata, model"):
        cc.get.predictions_df(query)
    with pytest.raises(KeyError, match="key='cell_type'"):
        cc.get.predictions_df(query, key="cell_type")


@pytest.mark.parametrize("kind", ["str", ">f8"])
@pytest.mark.parametrize("name", ["confidence", "novelty_pvalue"])
def test_numbers_that_became_something_else(annotated, name, kind):
    annotated.obs[f"cellclass_{name}"] = annotated.obs[f"cellclass_{name}"].to_numpy().astype(kind)
    with pytest.raises(KeyError, match=f"cellclass_{name}'\\] holds .*, where numbers"):
        cc.get.predictions_df(annotated)
