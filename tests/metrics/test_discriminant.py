"""The discriminant is blind to the level of a cell, and to what is missing."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cellclass.metrics._discriminant import Discriminant


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [60, 30, 10])
    means = rng.normal(0, 1, (3, 6))
    return means[codes] + rng.normal(0, 0.7, (100, 6)), codes


def test_labels_are_told(cells):
    x, codes = cells
    fitted = Discriminant.fit(x, codes)
    assert (fitted.logits(x).argmax(axis=1) == codes).mean() > 0.9


def test_level_does_not_matter(cells):
    x, codes = cells
    fitted = Discriminant.fit(x, codes)
    level = np.random.default_rng(1).normal(0, 5, (100, 1))
    np.testing.assert_allclose(fitted.logits(x + level), fitted.logits(x), atol=1e-8)


def test_it_is_the_gaussian_whose_level_is_anywhere(cells):
    x, codes = cells
    fitted = Discriminant.fit(x, codes)
    spread = fitted.covariance + 1e7  # the level's variance
    densities = [multivariate_normal(mean, spread).logpdf(x) for mean in fitted.means]
    expected = np.stack(densities, axis=1) + fitted.log_prior
    found = fitted.logits(x)
    np.testing.assert_allclose(
        found - found[:, :1], expected - expected[:, :1], rtol=1e-3, atol=1e-3
    )


def test_missing_values_are_left_out_of_the_gaussian(cells):
    x, codes = cells
    fitted = Discriminant.fit(x, codes)
    known = np.array([True, False, True, True, False, True])
    part = Discriminant(
        fitted.means[:, known], fitted.covariance[np.ix_(known, known)], fitted.log_prior
    )
    holes = np.where(known, x, np.nan)
    np.testing.assert_allclose(fitted.logits(holes, known), part.logits(x[:, known]))


def test_one_cell_per_label(cells):
    x, _ = cells
    fitted = Discriminant.fit(x[:3], np.arange(3))
    assert np.isfinite(fitted.logits(x)).all()
    assert fitted.logits(x[:3]).argmax(axis=1).tolist() == [0, 1, 2]
