"""A model is trained on a file as on the AnnData in memory, whether its cells are kept or not."""

import anndata as ad
import numpy as np
import pytest

import cellclass as cc
from cellclass.data import StreamedDataModule


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("backed") / "cells.h5ad"
    cc.datasets.simulate_counts(1200, 150, n_labels=4, rng=0).write_h5ad(path)
    return path


def trained(adata, model_class=cc.model.CellClassifierMLP, **settings):
    model_class.setup_anndata(adata, labels_key="cell_type")
    model = model_class(adata, n_top_genes=60, validation_size=0.2, **settings)
    model.train(max_epochs=3, accelerator="cpu", enable_progress_bar=False)
    return model


def test_kept_cells_give_the_same_model(path):
    here, there = trained(ad.read_h5ad(path)), trained(ad.read_h5ad(path, backed="r"))
    assert here.contract.to_dict() == there.contract.to_dict()
    query = ad.read_h5ad(path)
    np.testing.assert_array_equal(
        here.predict(query, soft=True), there.predict(ad.read_h5ad(path, backed="r"), soft=True)
    )


@pytest.mark.parametrize(
    ("model_class", "settings"),
    [
        (cc.model.CellClassifierMLP, {}),
        (cc.model.CellClassifierCNN, {}),
        (cc.model.CellPerformer, {"size": "small", "n_tokens": 20}),
    ],
)
def test_cells_that_stay_in_the_file(path, model_class, settings, monkeypatch):
    monkeypatch.setattr("cellclass.data._cells.MOST_KEPT", 1)
    model = trained(ad.read_h5ad(path, backed="r"), model_class, **settings)
    datamodule = model._reference.datamodule(batch_size=8, seed=0)
    assert isinstance(datamodule, StreamedDataModule)
    assert model.card["n_training_cells"] == 960
    if model_class is cc.model.CellClassifierMLP:
        assert model.card["validation"]["accuracy"] > 0.9
        model.train(max_epochs=1, accelerator="cpu", enable_progress_bar=False)


def test_large_references_are_judged_on_some_cells(path, monkeypatch):
    monkeypatch.setattr("cellclass.model._reference.MOST_AT_ONCE", 100)
    model = trained(ad.read_h5ad(path))
    reference = model._reference
    assert len(reference.judged) == pytest.approx(100, abs=4)
    assert len(reference.examples(0)) == pytest.approx(100, abs=4)
    assert not np.intersect1d(reference.judged, reference.trained_on(0)).size
    assert model.card["n_validation_cells"] == 240
    assert len(model._trust.novelty.calibration) == len(reference.judged)
