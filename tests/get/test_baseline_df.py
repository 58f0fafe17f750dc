"""The comparison with the baseline travels with the annotation."""

import anndata as ad
import pytest

import cellclass as cc


def test_table_survives_a_file(tiny, tmp_path):
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    model = cc.model.CellClassifierMLP(tiny, n_hidden=(16,), validation_size=0.3)
    model.train(max_epochs=3, enable_progress_bar=False, compare_baseline=True)
    query = cc.tl.annotate(tiny, model, copy=True)
    table = cc.get.baseline_df(query)
    assert table.index.tolist() == ["CellClassifierMLP", "logistic regression"]
    card = model.card["baseline"]
    assert table.loc["CellClassifierMLP", "accuracy"] == card["model"]["accuracy"]
    assert table.loc["logistic regression", "log_loss"] == card["logistic_regression"]["log_loss"]
    query.write_h5ad(tmp_path / "query.h5ad")
    again = ad.read_h5ad(tmp_path / "query.h5ad")
    assert cc.get.baseline_df(again).equals(table)
    assert again.uns["cellclass"]["model"]["baseline"]["summary"] == card["summary"]


def test_refusals(query, model):
    with pytest.raises(KeyError, match=r"no annotation under key='cellclass'"):
        cc.get.baseline_df(query)
    cc.tl.annotate(query, model)
    with pytest.raises(KeyError, match=r"train\(compare_baseline=True\)"):
        cc.get.baseline_df(query)
