"""The convolutional network as a model: presets, orders, few genes, files."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import cellclass as cc

CNN = cc.model.CellClassifierCNN


def made(adata, labels_key="label", layer=None, **kwargs):
    CNN.setup_anndata(adata, labels_key=labels_key, layer=layer)
    return CNN(adata, **kwargs)


def trained(adata, epochs=2, **kwargs):
    model = made(adata, **kwargs)
    model.train(max_epochs=epochs, enable_progress_bar=False)
    return model


@pytest.fixture(scope="module")
def blood(_cells, _split):
    """A model that has learned something."""
    return trained(
        _cells[_split[0]].copy(), 12, labels_key="cell_type", layer="counts", n_top_genes=300
    )


@pytest.fixture
def wide():
    return cc.datasets.simulate_counts(n_obs=120, n_vars=400, n_labels=3, rng=0)


def test_it_learns(blood, query):
    cc.tl.annotate(query, blood)
    right = (query.obs["cellclass"].astype(str) == query.obs["cell_type"].astype(str)).mean()
    assert right > 0.6
    np.testing.assert_allclose(query.obsm["cellclass_probability"].sum(axis=1), 1, atol=1e-5)
    assert query.obs["cellclass_novelty_pvalue"].between(0, 1).all()


def test_alone_and_in_any_order(blood, query):
    whole = blood.predict(query, soft=True)
    for rows in (np.arange(query.n_obs)[::-1], [3]):
        some = blood.predict(query[rows].copy(), soft=True)
        np.testing.assert_allclose(some, whole.iloc[rows], atol=1e-6)


def test_there_and_back(blood, query, tmp_path):
    blood.save(tmp_path / "m")
    again = CNN.load(tmp_path / "m")
    assert again.module.order.tolist() == blood.module.order.tolist()
    assert again.module.order.tolist() != list(range(300))
    np.testing.assert_array_equal(again.predict(query, soft=True), blood.predict(query, soft=True))
    with pytest.raises(cc.errors.ModelFileError, match="holds a CellClassifierCNN"):
        cc.model.CellClassifierMLP.load(tmp_path / "m")


def test_onnx(blood, query, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    blood.export_onnx(tmp_path / "m.onnx")
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    x = blood.contract.bind(query).read(slice(None))
    theirs = session.run(["logits"], {"genes": x})[0]
    np.testing.assert_array_equal(theirs.argmax(axis=1), blood._forward(x)[1].argmax(axis=1))


@pytest.mark.parametrize("n_top_genes", [1, 2, 7, 33])
def test_few_genes(tiny, n_top_genes):
    model = trained(tiny, n_top_genes=n_top_genes)
    assert model.contract.n_genes == n_top_genes
    assert set(model.predict(tiny)) <= {*model.labels, "unassigned"}


def test_published_preset(wide):
    label = wide.obs.columns[0]
    model = made(wide, label, preset="published")
    assert model.contract.n_genes > 208
    assert model.contract.expression == "log1p_counts"
    places = model.contract.selected[model.module.order.numpy()]
    assert (np.diff(places) > 0).all(), "genes stand as in the reference"
    model.train(max_epochs=1, enable_progress_bar=False)
    assert set(model.predict(wide)) <= {*model.labels, "unassigned"}


def test_published_preset_says_what_is_too_few(tiny):
    with pytest.raises(ValueError, match=r"60 genes are too few.*preset='default'"):
        made(tiny, preset="published")


def test_orders(tiny):
    models = {how: made(tiny, gene_order=how) for how in ("js", "reference", "random")}
    assert models["js"].module.order.tolist() == list(range(60))
    reference = models["reference"]
    assert (np.diff(reference.contract.selected[reference.module.order]) > 0).all()
    assert (
        made(tiny).module.order.tolist()
        == made(tiny, gene_order="correlation").module.order.tolist()
    )


def test_genes_are_ordered_on_the_training_cells_only(tiny):
    first = made(tiny.copy())
    held_out = first._reference.validation
    other = tiny.copy()
    X = other.X.toarray()
    X[held_out] = np.random.default_rng(5).permutation(X[held_out].T).T * 9
    other.X = sp.csr_matrix(X)
    second = made(other)
    np.testing.assert_array_equal(second._reference.validation, held_out)
    assert second.contract.model_genes.tolist() == first.contract.model_genes.tolist()
    assert second.module.order.tolist() == first.module.order.tolist()


def test_same_seed_same_weights(tiny):
    first, second = (trained(tiny.copy(), seed=3).module.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"preset": "best"}, "preset='best'; the presets are 'default' and 'published'"),
        ({"gene_order": "size"}, "gene_order='size'; the orders are correlation, js, reference"),
        ({"n_top_genes": 0}, "n_top_genes=0"),
    ],
)
def test_bad_arguments(tiny, kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(tiny, **kwargs)
