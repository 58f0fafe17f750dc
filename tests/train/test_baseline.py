"""The baseline learns, and finds strength and scaling on cells that it holds out."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from cellclass.train import _baseline, fit_logistic_regression


def cells(n=60, n_rare=30, n_genes=6, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.r_[np.zeros(n, int), np.ones(n, int), np.full(n_rare, 2)]
    X = (rng.normal(size=(len(codes), n_genes)) + 2.5 * np.eye(n_genes)[codes]).astype(np.float32)
    return X, np.array(["a", "b", "c"])[codes]


@pytest.mark.parametrize("n_rare", [1, 2, 30])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix], ids=["dense", "csr"])
def test_fit(n_rare, kind):
    X, labels = cells(n_rare=n_rare)
    X = kind(X)
    fitted = fit_logistic_regression(X, labels)
    assert (fitted.predict(X) == labels).mean() > 0.85
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_cells_to_hold_any_out(n):
    X, labels = np.eye(3, dtype=np.float32).repeat(n, axis=0), np.repeat(["a", "b", "c"], n)
    assert fit_logistic_regression(X, labels).classes_.tolist() == ["a", "b", "c"]


@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    n_groups=st.integers(1, 5),
    seed=st.integers(0, 3),
)
def test_inner_split_leaves_labels_and_groups_whole(counts, n_groups, seed):
    codes = np.repeat(np.arange(len(counts)), counts)
    groups = np.random.default_rng(seed).integers(n_groups, size=len(codes))
    rng = np.random.default_rng(seed)
    train, validation = _baseline._inner_split(codes, groups, rng)
    assert not np.intersect1d(train, validation).size
    assert set(codes[validation]) <= set(codes[train])
    aside = _baseline._whole_groups(groups, np.random.default_rng(seed))
    assert not set(groups[aside]) & set(groups[~aside])
    assert aside.any() == (len(np.unique(groups)) > 2)
    if set(validation) <= set(np.flatnonzero(aside)) and len(validation):
        assert set(train) == set(np.flatnonzero(~aside))
    else:  # whole groups would have left too little to learn from
        assert set(codes[train]) == set(codes)


def test_each_label_in_a_group_of_its_own():
    X, labels = cells(n=12, n_rare=12)
    groups = np.repeat(["p", "q", "r"], 12)  # each label in a group of its own
    fitted = fit_logistic_regression(X, labels, groups=groups)
    assert (fitted.predict(X) == labels).mean() > 0.85


def test_same_seed_same_fit():
    X, labels = cells()
    first, again = (fit_logistic_regression(X, labels, seed=1).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_strength_is_chosen_by_the_likelihood_of_held_out_cells():
    rng = np.random.default_rng(0)
    codes = np.arange(200) % 2
    noise = rng.normal(size=(200, 30))
    clear = np.c_[noise, codes * 4 + rng.normal(size=200)]
    weak = fit_logistic_regression(noise, codes)[-1].C
    strong = fit_logistic_regression(clear, codes)[-1].C
    assert weak == 1e-3
    assert strong > weak


def test_scaling_is_chosen_where_a_gene_is_small_but_tells():
    rng = np.random.default_rng(0)
    codes = np.arange(300) % 2
    noise = rng.normal(size=(300, 100)) * 3
    X = np.c_[noise, 0.01 * (codes * 5 + rng.normal(size=300))]
    assert fit_logistic_regression(X, codes)[0].with_std
    assert not fit_logistic_regression(np.c_[noise * 0.01, X[:, -1] * 1000], codes)[0].with_std


def test_real_cells_beat_an_untuned_one(reference, query):
    """On log-normalised values of all genes, in log loss, with rare labels."""
    truth = query.obs["cell_type"].astype(str).to_numpy()
    labels = reference.obs["cell_type"].astype(str).to_numpy()

    def loss(fitted):
        probability = fitted.predict_proba(query.X)
        own = probability[np.arange(len(truth)), np.searchsorted(fitted.classes_, truth)]
        return -np.log(own).mean()

    untuned = LogisticRegression(max_iter=300).fit(reference.X, labels)
    assert loss(fit_logistic_regression(reference.X, labels)) < loss(untuned) - 0.02
