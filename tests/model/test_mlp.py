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
    for network in model.module.parts:
        kinds = [type(layer).__name__ for layer in network.encoder[0]]
        assert kinds == ["Linear", "ReLU", "Linear", "ReLU"]
        assert network.head[0].in_features == 5


def test_few_cells_are_learned_from_by_several_networks(tiny):
    assert made(tiny).module.n_parts == 5
    assert made(tiny, validation_size=0.1).module.head[0].in_features == 128
    assert made(tiny).module.parts[0].head[0].in_features == 64
    rng = np.random.default_rng(0)
    many = ad.AnnData(sp.csr_matrix(rng.poisson(1, (3000, 5)).astype(np.float32)))
    many.obs["label"] = np.where(many.X[:, 0].toarray().ravel() > 1, "a", "b")
    assert len(made(many)._reference.validation) == pytest.approx(300, abs=2)
    assert made(many[1:].copy()).module.n_parts == 5


@pytest.mark.parametrize("n_top_genes", [1, 13, 10**6, None])
def test_number_of_genes(tiny, n_top_genes):
    model = made(tiny, n_top_genes=n_top_genes, validation_size=0.1)
    assert model.contract.n_genes == min(n_top_genes or 60, 60)
    assert model.module.encoder[0][0].in_features == model.contract.n_genes
    several = made(tiny, n_top_genes=n_top_genes)
    assert several.contract.n_genes <= max(model.contract.n_genes, 5)
    assert several.module.genes_of_parts.max() == several.contract.n_genes - 1


def test_genes_are_ranked_on_the_training_cells_only(tiny):
    """Held-out cells that scream another gene change neither genes nor fill nor shares."""
    first = made(tiny.copy(), n_top_genes=10, validation_size=0.1)
    held_out = first._reference.validation
    assert 5 <= len(held_out) <= 13
    other = tiny.copy()
    X = other.X.toarray()
    X[held_out] = np.random.default_rng(5).permutation(X[held_out].T).T * 9
    other.X = sp.csr_matrix(X)
    second = made(other, n_top_genes=10, validation_size=0.1)
    np.testing.assert_array_equal(second._reference.validation, held_out)
    assert second.contract.model_genes.tolist() == first.contract.model_genes.tolist()
    for name, array in first.contract.to_arrays().items():
        np.testing.assert_array_equal(second.contract.to_arrays()[name], array, err_msg=name)


@pytest.mark.parametrize("validation_size", [None, 0.1])
def test_held_out_cells_do_not_reach_the_weights(tiny, validation_size):
    """With early stopping off, nothing of a network's held-out cells may leak into it."""
    models = []
    for spoilt in (False, True):
        adata = tiny.copy()
        if spoilt:
            # Other counts of as many molecules, so that depth and scale, which know no labels, stay
            held_out = models[0]._reference.held_out(0)
            X = adata.X.toarray()
            X[held_out] = np.random.default_rng(0).permuted(X[held_out], axis=1)
            adata.X = sp.csr_matrix(X)
        model = made(adata, n_top_genes=10, validation_size=validation_size)
        model.train(
            max_epochs=3,
            early_stopping=False,
            enable_progress_bar=False,
            plan_kwargs={"gene_dropout": 0.0},  # its fill is the mean of all cells
        )
        models.append(model)
    networks = [model._networks[0].state_dict() for model in models]
    genes = [model.contract.model_genes[model._reference.genes[0]] for model in models]
    assert genes[0].tolist() == genes[1].tolist()
    for name, tensor in networks[0].items():
        # as the temperature, weighed on the validation cells
        assert torch.equal(tensor, networks[1][name]) or name == "path_weights", name
    if validation_size is None:  # the others have learned from these cells
        last = [model._networks[1].state_dict()["head.0.weight"] for model in models]
        assert not torch.equal(*last)


def test_same_seed_same_weights_and_other_seed_others(tiny):
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(np.random.default_rng(len(found)).integers(99))
        model = made(tiny.copy(), seed=seed)
        model.train(max_epochs=3, enable_progress_bar=False)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    name = "parts.0.head.0.weight"
    assert not torch.equal(found[0][name], found[2][name])


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


def test_one_time_point_is_read(tiny):
    tiny.layers["before"] = tiny.X.copy()
    with pytest.raises(TypeError, match="previous_layer is for CellPerformer"):
        cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label", previous_layer="before")
