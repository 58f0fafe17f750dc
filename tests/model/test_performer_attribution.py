"""Attributions through the tokens add up; attention rollout is something else, and says so."""

import numpy as np
import pytest
import torch

import cellclass as cc

pytest.importorskip("captum")

Performer = cc.model.CellPerformer


def trained(adata, epochs=4, **kwargs):
    Performer.setup_anndata(adata, labels_key="label")
    model = Performer(adata, **{"token_dropout": 0.0} | kwargs)
    plan = {"lr": 2e-3, "gene_dropout": 0.0}
    model.train(max_epochs=epochs, batch_size=15, plan_kwargs=plan, enable_progress_bar=False)
    return model


def beginnings(model, x):
    """Scores of what the attributions of cells begin at: the same genes without values."""
    tokens = model.module.tokens.choose(x)
    _, mask = model.module.tokens(tokens)
    start = model._deep_score(model.module.tokens.without_values(tokens), mask, tokens.genes)
    if model.module.linear is None:
        return start
    return start + model._shallow_score(torch.from_numpy(model.contract.fill)[None])


@pytest.mark.parametrize("shallow_paths", [True, False])
@pytest.mark.parametrize("encoding", ["value", "bins", "quantile", "rank"])
@pytest.mark.parametrize("pooling", ["sum", "mean", "convolution"])
def test_they_add_up(tiny, encoding, pooling, shallow_paths):
    model = trained(tiny, encoding=encoding, pooling=pooling, shallow_paths=shallow_paths)
    x = torch.from_numpy(model.contract.bind(tiny).read(slice(0, 6)))
    codes = np.array([0, 1, 2, 0, 1, 2])
    with torch.inference_mode():
        ends = (model._score(x), beginnings(model, x))
    scores, start = (found.numpy()[range(6), codes] for found in ends)
    model._method = "integrated_gradients"
    found = model._attributed(x.numpy(), codes, n_steps=64)
    assert found.shape == (6, 60)
    np.testing.assert_allclose(found.sum(axis=1), scores - start, atol=0.02, rtol=0.02)
    assert np.abs(scores - start).max() > 0.1


def test_of_labels(tiny):
    model = trained(tiny, attention="favor")
    found = model.get_gene_attributions(n_cells_per_label=5)
    assert found.shape == (60, 3)
    assert found.index.equals(model.contract.model_genes)
    assert set(found.attrs["n_cells"].values()) == {5}
    assert np.isfinite(found.to_numpy()).all()


def test_markers_speak_for_their_labels(tiny):
    X = tiny.X.toarray()
    X[:, :3] = np.where(np.arange(90)[:, None] % 3 == np.arange(3), 40, 1)
    tiny.X = X
    model = trained(tiny, 15, shallow_paths=False)
    found = model.get_gene_attributions(n_cells_per_label=5).loc[["Gene0", "Gene1", "Gene2"]]
    assert found.idxmax(axis=1).tolist() == ["B cell", "NK/T", "mono"]


def test_a_gene_that_is_no_token_has_none(tiny):
    model = trained(tiny, n_tokens=10, shallow_paths=False)
    cell = tiny[:1].copy()
    label = model.predict(cell)[0]
    found = model.get_gene_attributions(cell)[label]
    tokens = model.module.tokens.choose(torch.from_numpy(model.contract.bind(cell).read([0])))
    assert set(np.flatnonzero(found)) <= set(tokens.genes[0].tolist())
    assert (found != 0).sum() > 5


@pytest.mark.parametrize("attention", ["softmax", "favor"])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_rollout_is_shares(tiny, attention, pooling):
    model = trained(tiny, attention=attention, pooling=pooling, depth=2)
    found = model.get_gene_attributions(n_cells_per_label=3, method="rollout")
    assert (found >= 0).all(axis=None)
    total = found.sum()
    assert ((total > 0) & (total < 1)).all(), "the rest is that of <CLS>"


def test_rollout_reads_no_label(tiny):
    """Of one cell it is the same whatever label it is asked for."""
    model = trained(tiny, 2)
    x = model.contract.bind(tiny).read(slice(0, 2))
    model._method = "rollout"
    one, other = (model._attributed(x, np.full(2, code), n_steps=2) for code in (0, 1))
    np.testing.assert_array_equal(one, other)


def test_rollout_is_called_weaker_evidence():
    text = " ".join(Performer.get_gene_attributions.__doc__.split())
    assert "`rollout` is weaker evidence" in text


def test_the_method_is_told(tiny):
    model = trained(tiny, 2)
    for method in ("integrated_gradients", "rollout"):
        found = model.get_gene_attributions(n_cells_per_label=2, method=method)
        assert found.attrs["method"] == method


def test_an_unknown_method(tiny):
    model = trained(tiny, 1)
    with pytest.raises(ValueError, match="method='attention'; there are 'integrated_gradients'"):
        model.get_gene_attributions(method="attention")
