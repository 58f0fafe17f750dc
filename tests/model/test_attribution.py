"""Attributions add up, are exact where they can be, and say which cells they are of."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

import cellclass as cc
from cellclass.errors import LabelError, NotTrainedError
from cellclass.model import _attribution
from cellclass.model._attribution import integrated_gradients
from cellclass.module import MLP

pytest.importorskip("captum")

INPUT = arrays(np.float32, (4, 3), elements=st.floats(-3, 3, width=16))


@given(x=INPUT, baseline=arrays(np.float32, 3, elements=st.floats(-3, 3, width=16)))
def test_exact_for_a_linear_network(x, baseline):
    torch.manual_seed(0)
    network, codes = nn.Linear(3, 5), np.array([0, 4, 2, 2])
    found = integrated_gradients(network, x, codes, baseline=baseline, n_steps=2)
    expected = (x - baseline) * network.weight.detach().numpy()[codes]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(x=INPUT, seed=st.integers(0, 9))
def test_attributions_add_up(x, seed):
    """Completeness: their sum is the score of the cell less that of the baseline."""
    torch.manual_seed(seed)
    network, codes = MLP(3, 4, n_hidden=(6, 6)).eval(), np.array([0, 1, 2, 3])
    baseline = np.float32([0.5, 0, 1])
    found = integrated_gradients(network, x, codes, baseline=baseline, n_steps=64)
    with torch.no_grad():
        scores = network(torch.from_numpy(x)).numpy()[range(4), codes]
        start = network(torch.from_numpy(baseline)[None]).numpy()[0, codes]
    np.testing.assert_allclose(found.sum(axis=1), scores - start, atol=0.02)
    assert (found[x == baseline] == 0).all()


def test_in_parts_as_whole(monkeypatch):
    torch.manual_seed(0)
    network, x = MLP(3, 4, n_hidden=(6,)).eval(), np.random.default_rng(0).random((9, 3))
    given = (network, x.astype(np.float32), np.arange(9) % 4)
    whole = integrated_gradients(*given, baseline=np.zeros(3, np.float32), n_steps=4)
    monkeypatch.setattr(_attribution, "_AT_ONCE", 30)
    parts = integrated_gradients(*given, baseline=np.zeros(3, np.float32), n_steps=4)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_of_a_model_they_add_up(model, query):
    found = model.get_gene_attributions(query, n_cells_per_label=None)
    assert found.shape == (model.contract.n_genes, len(model.labels))
    assert found.index.equals(model.contract.model_genes)
    assert set(found.dtypes) == {np.dtype(np.float32)}
    x = model.contract.bind(query).read(slice(None))
    with torch.no_grad():
        scores = model._score(torch.from_numpy(x)).numpy()
        start = model._score(torch.from_numpy(model.contract.fill)[None]).numpy()[0]
    labels = model.predict(query)
    for place, label in enumerate(model.labels):
        of_label = labels == label
        assert found.attrs["n_cells"][label] == of_label.sum()
        if of_label.any():
            expected = scores[of_label, place].mean() - start[place]
            np.testing.assert_allclose(found[label].sum(), expected, atol=0.02, rtol=0.02)
        else:
            assert found[label].isna().all()


def test_markers_come_first(model):
    found = model.get_gene_attributions()
    assert "CD79A" in found["CD19+ B"].nlargest(5).index
    assert {"NKG7", "GZMB", "GNLY"} & set(found["CD56+ NK"].nlargest(5).index)


def test_the_reference_by_its_own_labels(model, reference, unchanged):
    with unchanged(reference):
        named = model.get_gene_attributions(reference, labels_key="cell_type")
    pd.testing.assert_frame_equal(model.get_gene_attributions(), named)


def test_a_missing_gene_has_none(model, query):
    gone = model.contract.model_genes[[0, 7]]
    found = model.get_gene_attributions(query[:, ~query.var_names.isin(gone)].copy())
    assert (found.loc[gone].fillna(0) == 0).all(axis=None)


def test_few_cells_are_drawn_by_the_seed(model, query):
    few = [model.get_gene_attributions(query, n_cells_per_label=2, seed=k) for k in (0, 0, 1)]
    assert max(few[0].attrs["n_cells"].values()) == 2
    pd.testing.assert_frame_equal(few[0], few[1])
    assert not few[0].equals(few[2])


def test_the_same_in_any_order_and_after_loading(model, query, tmp_path):
    model.save(tmp_path / "m")
    again = type(model).load(tmp_path / "m")
    turned = query[::-1, ::-1].copy()
    found = [
        one.get_gene_attributions(cells, n_cells_per_label=None)
        for one, cells in ((model, query), (again, turned))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_convolutional_network(tiny):
    cc.model.CellClassifierCNN.setup_anndata(tiny, labels_key="label")
    model = cc.model.CellClassifierCNN(tiny)
    model.train(max_epochs=2, enable_progress_bar=False)
    found = model.get_gene_attributions(n_cells_per_label=5, n_steps=64)
    assert np.isfinite(found.to_numpy()).all()
    assert found.to_numpy().any()


def test_unknown_labels(model, query):
    query.obs["other"] = "nonsense"
    with pytest.raises(LabelError, match=r"obs\['other'\] holds none of .*Leave labels_key out"):
        model.get_gene_attributions(query, labels_key="other")
    with pytest.raises(KeyError, match="labels_key='none'"):
        model.get_gene_attributions(query, labels_key="none")


def test_empty_cells_are_left_out(model, query):
    some = query[:40].copy()
    whole = model.get_gene_attributions(some, n_cells_per_label=None)
    counts = query[:41].layers["counts"].toarray()
    counts[40] = 0
    more = query[:41].copy()
    more.layers["counts"] = counts
    found = model.get_gene_attributions(more, n_cells_per_label=None)
    assert found.attrs["n_cells"] == whole.attrs["n_cells"]
    np.testing.assert_allclose(found, whole, atol=1e-6)
    more.layers["counts"] = counts * 0
    with pytest.raises(ValueError, match=r"empty|counts"):
        model.get_gene_attributions(more)


@pytest.mark.parametrize("argument", ["n_steps", "n_cells_per_label"])
def test_bad_numbers(model, argument):
    with pytest.raises(ValueError, match=f"{argument}=0; a whole number from 1 on"):
        model.get_gene_attributions(**{argument: 0})


def test_untrained(tiny):
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(NotTrainedError):
        cc.model.CellClassifierMLP(tiny).get_gene_attributions()


def test_without_the_package(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError) as caught:
        model.get_gene_attributions()
    assert caught.value.__notes__ == ["pip install 'cellclass[attribution]'"]
