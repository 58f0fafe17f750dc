"""Tests find differences, and no more than promised where there are none."""

import numpy as np
from scipy.stats import fisher_exact, t, ttest_ind

from cellclass.metrics._composition_pvalues import (
    adjusted,
    pvalues_of_cells,
    pvalues_of_samples,
)

INVERSE = np.linalg.inv(np.array([[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.0, 0.05, 0.95]]))


def test_two_halves_of_one_sample_rarely_differ():
    rng, n, found = np.random.default_rng(0), 300, 0
    for _ in range(n):
        cells = rng.choice(3, size=200, p=[0.6, 0.37, 0.03])
        halves = np.stack([np.bincount(cells[i::2], minlength=3) for i in range(2)])
        pvalues = pvalues_of_cells(*halves, INVERSE, n_permutations=499, rng=rng)
        found += (adjusted(pvalues) < 0.05).any()
    assert found / n <= 0.07


def test_permuted_cells_agree_with_fishers_test():
    one, other = np.array([30, 70]), np.array([50, 50])
    found = pvalues_of_cells(
        one, other, np.eye(2), n_permutations=20_000, rng=np.random.default_rng(0)
    )
    expected = fisher_exact(np.stack([one, other])).pvalue
    np.testing.assert_allclose(found, expected, atol=0.003)


def test_a_difference_is_found():
    one, other = np.array([50, 300, 650]), np.array([200, 300, 500])
    rng = np.random.default_rng(0)
    pvalues = pvalues_of_cells(one, other, np.eye(3), n_permutations=999, rng=rng)
    assert pvalues[0] == pvalues[2] == 0.001
    assert pvalues[1] > 0.5


def test_samples_are_compared_by_welchs_test():
    rng = np.random.default_rng(0)
    one, other = (
        np.stack([rng.multinomial(1000, rng.dirichlet([50, 30, 20])) for _ in range(n)])
        for n in (4, 3)
    )
    shares = [counts / 1000 @ INVERSE for counts in (one, other)]
    expected = ttest_ind(*shares, equal_var=False).pvalue
    np.testing.assert_allclose(pvalues_of_samples(one, other, INVERSE), expected)
    np.testing.assert_allclose(
        pvalues_of_samples(one, other, INVERSE), pvalues_of_samples(other, one, INVERSE)
    )


def test_one_sample_against_several_takes_them_to_differ_alike():
    rng = np.random.default_rng(0)
    several = np.stack([rng.multinomial(1000, rng.dirichlet([50, 30, 20])) for _ in range(4)])
    single = np.array([[300, 400, 300]])
    shares = [counts / 1000 @ INVERSE for counts in (several, single)]
    mean, spread = shares[0].mean(axis=0), shares[0].std(axis=0, ddof=1)
    size = np.abs(mean - shares[1][0]) / (spread * np.sqrt(1 + 1 / 4))

    np.testing.assert_allclose(pvalues_of_samples(several, single, INVERSE), 2 * t.sf(size, 3))


def test_samples_cannot_differ_less_than_their_cells():
    one, other = np.array([[20, 30, 50]] * 3), np.array([[21, 30, 49]] * 3)
    assert (pvalues_of_samples(one, other, np.eye(3)) > 0.3).all()
    none = np.array([[50, 50, 0]] * 3)
    assert (pvalues_of_samples(none, none, np.eye(3)) == 1).all()


def test_conditions_of_one_mean_rarely_differ():
    rng, n, found = np.random.default_rng(1), 600, 0
    for _ in range(n):
        counts = [
            np.stack([rng.multinomial(150, rng.dirichlet([40, 18, 2])) for _ in range(3)])
            for _ in range(2)
        ]
        found += (adjusted(pvalues_of_samples(*counts, INVERSE)) < 0.05).any()
    assert found / n <= 0.06


def test_adjusted_leaves_out_what_was_not_tested():
    pvalues = np.array([0.01, np.nan, 0.04, 0.03])
    np.testing.assert_allclose(adjusted(pvalues), [0.03, np.nan, 0.04, 0.04])
    assert np.isnan(adjusted(np.full(3, np.nan))).all()
    assert adjusted(np.empty(0)).shape == (0,)
