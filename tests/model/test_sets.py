"""Prediction sets of a model: coverage, shape, and what cannot be asked."""

import numpy as np
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import NotTrainedError

MLP = cc.model.CellClassifierMLP


def truth(model, query):
    return np.array([model.labels.index(label) for label in query.obs["cell_type"]])


def test_sets(model, query, unchanged):
    with unchanged(query):
        held = model.predict_sets(query)
    assert held.shape == (query.n_obs, len(model.labels))
    assert held.columns.tolist() == list(model.labels)
    assert held.index.equals(query.obs_names)
    assert set(held.dtypes) == {np.dtype(bool)}
    right = held.to_numpy()[np.arange(query.n_obs), truth(model, query)]
    assert 0.8 < right.mean() < 0.98  # 46 held-out cells of ten labels
    assert 0.8 < held.sum(axis=1).mean() < 3


def test_the_best_label_is_the_last_to_leave_the_sets_of_its_cell(model, query):
    soft = model.predict(query, soft=True).to_numpy()
    held = model.predict_sets(query, 0.8).to_numpy()
    filled = model.predict_sets(query, 0.8, allow_empty=False).to_numpy(copy=True)
    best = soft.argmax(axis=1)
    rows = np.arange(query.n_obs)
    assert filled[rows, best].all()
    filled[rows, best] = held[rows, best]
    np.testing.assert_array_equal(filled, held)
    assert (held.sum(axis=1) == 0).any()


def test_more_coverage_gives_larger_sets(model, query):
    small, large = (model.predict_sets(query, level).to_numpy() for level in (0.6, 0.8))
    assert (large >= small).all()
    assert large.sum() > small.sum()


def test_a_cell_does_not_depend_on_the_others(model, query):
    expected = model.predict_sets(query)
    order = np.random.default_rng(0).permutation(query.n_obs)
    again = model.predict_sets(query[order].copy())
    np.testing.assert_array_equal(again, expected.iloc[order])
    np.testing.assert_array_equal(model.predict_sets(query[5:6].copy()), expected.iloc[5:6])


def test_saved(model, query, tmp_path):
    model.save(tmp_path / "m")
    again = MLP.load(tmp_path / "m", device="cpu")
    np.testing.assert_array_equal(again.predict_sets(query), model.predict_sets(query))


def test_missing_genes_widen_the_sets(model, query):
    whole, coverage = model.predict_sets(query).to_numpy(), []
    for start in range(3):  # which third is left makes a difference
        part = query[:, start::3].copy()
        with pytest.warns(UserWarning, match="The query lacks"):
            held = model.predict_sets(part).to_numpy()
        coverage.append(held[np.arange(query.n_obs), truth(model, query)].mean())
        assert held.sum() > whole.sum()
    assert np.mean(coverage) > 0.8


def test_empty_cells_get_no_label(model, query):
    counts = query.layers["counts"].toarray()
    counts[3] = 0
    counts[7, 2:] = 0
    query.layers["counts"] = sp.csr_matrix(counts)
    held = model.predict_sets(query, allow_empty=False)
    assert np.flatnonzero(held.sum(axis=1) == 0).tolist() == [3, 7]


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 90])
def test_coverage_outside(model, query, coverage):
    with pytest.raises(ValueError, match=r"coverage=.*outside \(0, 1\)"):
        model.predict_sets(query, coverage)


def test_too_few_cells_for_the_coverage(model, query):
    with pytest.warns(UserWarning, match=r"coverage=0.999 is more than \d+ held-out cells"):
        assert model.predict_sets(query, 0.999).to_numpy().all()


def test_without_held_out_cells_or_training(tiny, fit):
    MLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(NotTrainedError, match="train"):
        MLP(tiny).predict_sets()
    model = fit(tiny, labels_key="label", layer=None, validation_size=0)
    with pytest.raises(ValueError, match="validation_size above 0"):
        model.predict_sets(tiny)
