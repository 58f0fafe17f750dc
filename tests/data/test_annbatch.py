"""Cells of an annbatch collection come as the model's input, each once an epoch."""

import warnings

import numpy as np
import pytest
import torch

import cellclass as cc
from cellclass.data import AnnbatchDataModule

annbatch = pytest.importorskip("annbatch")


@pytest.fixture(scope="module")
def cells():
    adata = cc.datasets.simulate_counts(1500, 120, n_labels=3, rng=0)
    adata.obs["place"] = np.arange(1500)
    return adata


@pytest.fixture(scope="module")
def collection(cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("annbatch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # annbatch's and zarr's own
        parts = [cells[:900].copy(), cells[900:, ::-1].copy()]
        for k, part in enumerate(parts):
            part.write_h5ad(folder / f"{k}.h5ad")
        files = [folder / f"{k}.h5ad" for k in range(2)]
        made = annbatch.DatasetCollection(folder / "all.zarr")
        made.add_adatas(
            files, rng=np.random.default_rng(0), dataset_size=800, shuffle_chunk_size=100
        )
    return folder / "all.zarr"


@pytest.fixture
def model(cells):
    reference = cells[:600].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    return cc.model.CellClassifierMLP(reference, n_top_genes=40, validation_size=0.2)


pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_epoch_is_every_training_cell_once(collection, model, cells):
    data = AnnbatchDataModule(
        collection, model.contract, labels_key="cell_type", batch_size=50, validation_size=0.2
    )
    assert (data.n_obs, data.n_train, data.n_val, data.n_vars) == (1500, 1200, 300, 40)
    expected = model.contract.bind(cells).read(slice(None))
    seen = []
    for loader, n in ((data.train_dataloader(), 1200), (data.val_dataloader(), 300)):
        batches = list(loader)
        x = torch.cat([batch["X"] for batch in batches]).numpy()
        labels = torch.cat([batch["labels"] for batch in batches]).numpy()
        assert x.shape == (n, 40)
        assert labels.shape == (n, 1)
        seen.append(x)
    found = np.concatenate(seen)
    order, other = np.lexsort(found.T), np.lexsort(expected.T)
    np.testing.assert_array_equal(found[order], expected[other])


def test_a_model_is_trained_on_it(collection, model, cells):
    data = AnnbatchDataModule(collection, model.contract, labels_key="cell_type", batch_size=64)
    model.train(max_epochs=4, datamodule=data, accelerator="cpu", enable_progress_bar=False)
    assert (model.predict(cells) == cells.obs["cell_type"]).mean() > 0.95


def test_labels_that_the_model_lacks(collection, model):
    with pytest.raises(cc.errors.LabelError, match="no label of the model"):
        AnnbatchDataModule(collection, model.contract, labels_key="batch")
