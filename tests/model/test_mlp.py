"""The perceptron as a model: presets, genes, seeds."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
import torch

import cellclass as cc

MLP = cc.model.CellClassifierMLP


def made(adata, labels_key="label", layer=None, **kwargs):
    MLP.setup_anndata(adata, labels_key=labels_key, layer=layer)
    return MLP(adata, **kwargs)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def test_published_preset_has_the_published_size():
    rng = np.random.default_rng(0)
    codes = np.arange(200) % 10
    counts = rng.poisson(rng.gamma(1, 1, (10, 1000))[codes] + 0.1).astype(np.float32)
    adata = ad.AnnData(sp.csr_matrix(counts), obs={"label": [f"type {k}" for k in codes]})
    model = made(adata, preset="published")
    assert (model.contract.n_genes, len(model.labels)) == (1000, 10)
    assert sum(p.numel() for p in model.module.parameters()) == 3_104_266
    assert "3,104,266 parameters" in model._model_summary_string
    assert model.contract.expression == "log1p_counts"


def test_published_preset_trains(tiny):
    model = made(tiny, preset="published")
    model.train(max_epochs=2, enable_progress_bar=False)
    assert set(model.predict(tiny)) <= set(model.labels)


def test_changes_of_the_preset(tiny):
    model = made(tiny, n_hidden=(7, 5), activation="relu", layer_norm=False, dropout=0.0)
    kinds = [type(layer).__name__ for layer in model.module.encoder[0]]
    assert kinds == ["Linear", "ReLU", "Linear", "ReLU"]
    assert model.module.head[0].in_features == 5


@pytest.mark.parametrize("n_top_genes", [1, 13, 10**6, None])
def test_number_of_genes(tiny, n_top_genes):
    model = made(tiny, n_top_genes=n_top_genes)
    assert model.contract.n_genes == min(n_top_genes or 60, 60)
    assert model.module.encoder[0][0].in_features == model.contract.n_genes


def test_genes_are_ranked_on_the_training_cells_only(tiny):
    """Held-out cells that scream another gene change neither genes nor fill nor shares."""
    first = made(tiny.copy(), n_top_genes=10)
    held_out = first._reference.validation
    assert 5 <= len(held_out) <= 13
    other = tiny.copy()
    X = other.X.toarray()
    X[held_out] = np.random.default_rng(5).permutation(X[held_out].T).T * 9
    other.X = sp.csr_matrix(X)
    second = made(other, n_top_genes=10)
    np.testing.assert_array_equal(second._reference.validation, held_out)
    assert second.contract.model_genes.tolist() == first.contract.model_genes.tolist()
    for name, array in first.contract.to_arrays().items():
        np.testing.assert_array_equal(second.contract.to_arrays()[name], array, err_msg=name)


def test_held_out_cells_do_not_reach_the_weights(tiny):
    """With early stopping off, nothing of the validation cells may leak into the network."""
    models = []
    for factor in (1, 9):
        adata = tiny.copy()
        model = made(adata, n_top_genes=10)
        X = adata.X.toarray()
        X[model._reference.validation] *= factor
        adata.X = sp.csr_matrix(X)
        model = made(adata, n_top_genes=10)
        model.train(max_epochs=3, early_stopping=False, enable_progress_bar=False)
        models.append(weights(model))
        models[-1].pop("path_weights")  # as the temperature, weighed on the validation cells
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


def test_same_seed_same_weights_and_other_seed_others(tiny):
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(np.random.default_rng(len(found)).integers(99))
        model = made(tiny.copy(), seed=seed)
        model.train(max_epochs=3, enable_progress_bar=False)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not torch.equal(found[0]["head.0.weight"], found[2]["head.0.weight"])


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"preset": "best"}, "preset='best'; the presets are 'default' and 'published'"),
        ({"n_top_genes": 0}, "n_top_genes=0"),
        ({"validation_size": 1.0}, "validation_size=1.0"),
        ({"validation_size": -0.1}, "validation_size=-0.1"),
        ({"validation_size": float("nan")}, "validation_size=nan"),
    ],
)
def test_bad_arguments(tiny, kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(tiny, **kwargs)


def test_published_preset_needs_counts(tiny, unchanged):
    cc.pp.normalize_scale(tiny)
    MLP.setup_anndata(tiny, labels_key="label")
    with unchanged(tiny), pytest.raises(cc.errors.ScaleError, match="log1p of raw counts"):
        MLP(tiny, preset="published")
