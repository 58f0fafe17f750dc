"""Shallow paths: known solutions, fitted on training cells alone, weighed on held-out cells."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from cellclass.metrics import fit_temperature, softmax
from cellclass.module import MLP
from cellclass.train import _paths, fit_shallow_paths, weigh_paths


def cells(n_labels, n=300, n_genes=20, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_labels
    X = rng.gamma(1, 1, (n_labels, n_genes))[codes] + rng.normal(size=(n, n_genes))
    return X.astype(np.float32), codes


@pytest.mark.parametrize("n_labels", [2, 5])
def test_the_linear_path_is_logistic_regression(n_labels):
    X, codes = cells(n_labels)
    module = MLP(20, n_labels, n_hidden=(4,), shallow=True)
    fit_shallow_paths(module, X[:200].__getitem__, codes[:200], seed=0)
    logits = module.linear(torch.from_numpy(X)).detach().numpy()
    expected = LogisticRegression(C=0.2, tol=1e-6, max_iter=1000).fit(X[:200], codes[:200])
    np.testing.assert_allclose(softmax(logits), expected.predict_proba(X), atol=0.05)


def test_many_cells_are_thinned_but_rare_labels_are_kept(monkeypatch):
    monkeypatch.setattr(_paths, "_MOST_CELLS", 50)
    codes = np.repeat([0, 1, 2], [500, 100, 5])
    rows = _paths._some(np.arange(605), codes, seed=0)
    assert 40 <= len(rows) <= 50
    counts = np.bincount(codes[rows])
    assert counts[2] == 5
    assert counts[0] == counts[1]
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("n_labels", [2, 4])
def test_prototypes_find_the_nearest_mean(n_labels):
    X, codes = cells(n_labels)
    module = MLP(20, n_labels, n_hidden=(4,), shallow=True)
    fit_shallow_paths(module, X[:200].__getitem__, codes[:200], seed=0)
    x = module.standardised(torch.from_numpy(X))
    logits = module.prototypes(x).detach().numpy()
    x = x.numpy()
    means = np.stack([x[:200][codes[:200] == k].mean(axis=0) for k in range(n_labels)])
    variance = ((x[:200] - means[codes[:200]]) ** 2).mean(axis=0)
    variance += np.median(variance)
    distance = ((x[:, None] - means) ** 2 / variance).sum(axis=2)
    np.testing.assert_array_equal(logits.argmax(axis=1), distance.argmin(axis=1))


def test_the_better_path_counts_more():
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 4
    good = np.eye(4)[codes] * 4 + rng.normal(size=(400, 4))
    noise = rng.normal(size=(400, 4))
    first, second, third = weigh_paths(np.stack([good, noise, noise]), codes)
    assert first > 10 * max(second, third)
    first, second, third = weigh_paths(np.stack([noise, noise, good]), codes)
    assert third > 10 * max(first, second)
    first, second = weigh_paths(np.stack([good, good]), codes)
    assert first == pytest.approx(second, rel=0.1)


def test_without_cells_all_count_the_same():
    none = np.zeros((3, 0, 4))
    assert weigh_paths(none, np.zeros(0, dtype=int)) == pytest.approx([1 / 3] * 3, abs=1e-2)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [12, 40, 200])
def test_a_few_cells_already_move_the_weights(seed, n):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    truth = np.eye(3)[codes]
    logits = np.stack([strength * truth + rng.normal(size=(n, 3)) for strength in (3.0, 1.5, 0.0)])
    factors = np.array([1 / fit_temperature(path, codes) for path in logits])
    counts = np.bincount(codes)[codes] ** -0.5
    counts *= n / counts.sum()

    def loss(shares):
        scaled = np.tensordot(shares * factors, logits, axes=1)
        own = softmax(scaled)[np.arange(n), codes]
        return -counts @ np.log(own) - _paths._PRIOR * np.log(shares).sum()

    grid = [
        np.array([a, b, 1 - a - b])
        for a in np.arange(0.02, 1, 0.02)
        for b in np.arange(0.02, 0.99 - a, 0.02)
    ]
    least = min(loss(shares) for shares in grid)
    found = weigh_paths(logits, codes) / factors
    assert found.sum() == pytest.approx(1)
    assert loss(found) <= least + 0.02
    assert found[0] > found[2]
