"""Any LightningDataModule that yields the model's input can be trained on."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import cellclass as cc


class Batches(pl.LightningDataModule):
    """Minibatches of cells that the model's contract has read."""

    def __init__(self, X, codes, *, kind="dense", n_val=100, n_vars=None):
        super().__init__()
        self.X, self.codes, self.kind = torch.from_numpy(X), torch.from_numpy(codes), kind
        self.n_val, self.n_train = n_val, len(X) - n_val
        self.n_vars = X.shape[1] if n_vars is None else n_vars

    def _loader(self, rows):
        def collate(some):
            X = self.X[some]
            X = X.to_sparse_csr() if self.kind == "csr" else X
            X = X.double() if self.kind == "double" else X
            labels = self.codes[some] if self.kind == "dense" else self.codes[some].view(-1, 1)
            return {"X": X, "labels": labels}

        return DataLoader(rows, batch_size=64, shuffle=True, collate_fn=collate)

    def train_dataloader(self):
        return self._loader(np.arange(self.n_val, len(self.X)))

    def val_dataloader(self):
        return self._loader(np.arange(self.n_val))


@pytest.fixture(scope="module")
def adata():
    return cc.datasets.simulate_counts(900, 120, n_labels=3, rng=0)


@pytest.fixture
def model(adata):
    adata = adata.copy()
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    return cc.model.CellClassifierMLP(adata, n_top_genes=50, validation_size=0.2)


def cells_for(model, adata):
    more = cc.datasets.simulate_counts(900, 120, n_labels=3, rng=0)
    codes = more.obs["cell_type"].cat.codes.to_numpy(np.int64)
    return model.contract.bind(more).read(slice(None)), codes


@pytest.mark.parametrize("kind", ["dense", "csr", "double"])
@pytest.mark.filterwarnings("ignore:.*num_workers.*", "ignore:Sparse CSR tensor support")
def test_a_model_is_trained_on_it(model, adata, kind):
    X, codes = cells_for(model, adata)
    kept = X.copy()
    model.train(
        max_epochs=4,
        datamodule=Batches(X, codes, kind=kind),
        accelerator="cpu",
        enable_progress_bar=False,
    )
    assert (model.predict(adata) == adata.obs["cell_type"]).mean() > 0.95
    assert len(model.history["validation_loss"]) > 0
    np.testing.assert_array_equal(X, kept)


def test_what_does_not_fit_is_refused(model, adata):
    X, codes = cells_for(model, adata)
    quiet = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1}
    with pytest.raises(ValueError, match=r"contract\.model_genes"):
        model.train(datamodule=Batches(X[:, :20], codes), **quiet)
    named = Batches(X, codes)
    named.var_names = list(model.contract.model_genes[::-1])
    with pytest.raises(ValueError, match="in its order"):
        model.train(datamodule=named, **quiet)
    with pytest.raises(TypeError, match="n_train"):
        model.train(datamodule=pl.LightningDataModule(), **quiet)
    weighted = {"class_weights": "balanced"}
    with pytest.raises(TypeError, match="train_codes"):
        model.train(datamodule=Batches(X, codes), plan_kwargs=weighted, **quiet)
    drawn = {"balanced_sampling": True}
    with pytest.raises(ValueError, match="balanced_sampling"):
        model.train(datamodule=Batches(X, codes), plan_kwargs=drawn, **quiet)


def test_five_networks_take_none(adata):
    adata = adata.copy()
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(adata, n_top_genes=50)
    with pytest.raises(ValueError, match=r"validation_size=0\.1"):
        model.train(datamodule=Batches(np.zeros((9, 50), np.float32), np.zeros(9, np.int64)))


@pytest.mark.filterwarnings("ignore:.*num_workers.*")
def test_a_wrong_minibatch_is_named(model):
    given = Batches(np.zeros((300, 49), np.float32), np.zeros(300, np.int64), n_vars=50)
    with pytest.raises(ValueError, match="X \\(64, 49\\)"):
        model.train(datamodule=given, accelerator="cpu", enable_progress_bar=False, max_epochs=1)
