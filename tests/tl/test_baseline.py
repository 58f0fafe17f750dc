"""The baseline learns, and finds its strength by cross-validation."""

import numpy as np
import pytest

from cellclass.tl._baseline import fit_logistic_regression


@pytest.mark.parametrize("n_rare", [1, 2, 30])
def test_fit(n_rare):
    rng = np.random.default_rng(0)
    codes = np.r_[np.zeros(40, int), np.ones(40, int), np.full(n_rare, 2)]
    X = (rng.normal(size=(len(codes), 6)) + 2.5 * np.eye(6)[codes]).astype(np.float32)
    labels = np.array(["a", "b", "c"])[codes]
    fitted = fit_logistic_regression(X, labels)
    assert (fitted.predict(X) == labels).mean() > 0.85
    assert set(fitted.classes_) == {"a", "b", "c"}
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_seed_decides_nothing_but_the_folds():
    rng = np.random.default_rng(0)
    codes = np.arange(60) % 2
    X = rng.normal(size=(60, 4)) + codes[:, None]
    first, again = (fit_logistic_regression(X, codes, seed=1).predict_proba(X) for _ in range(2))
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
