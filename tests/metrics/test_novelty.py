"""The p-value is uniform for known cells and small for new ones."""

import numpy as np
import pytest

from cellclass.metrics import NoveltyScorer


@pytest.fixture(scope="module")
def scorer():
    rng = np.random.default_rng(0)
    codes = np.arange(600) % 3
    means = np.array([[0, 0], [8, 0], [0, 8]])
    known = rng.normal(size=(600, 2)) * [1, 3] + means[codes]
    return NoveltyScorer.fit(known[:400], codes[:400], known[400:])


def test_score_is_the_mahalanobis_distance_to_the_nearest_mean(scorer):
    rng = np.random.default_rng(1)
    precision = scorer.whitener @ scorer.whitener.T
    for x in rng.normal(size=(5, 2)) * 10:
        gaps = x - scorer.means
        expected = np.sqrt(np.einsum("ki,ij,kj->k", gaps, precision, gaps).min())
        assert scorer.score(x[None])[0] == pytest.approx(expected)


def test_pvalue_is_uniform_for_known_cells_and_small_for_novel_ones(scorer):
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 3, size=3000)
    cells = rng.normal(size=(3000, 2)) * [1, 3] + np.array([[0, 0], [8, 0], [0, 8]])[codes]
    p = scorer.pvalue(cells)
    for level in (0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 0.08
    assert scorer.pvalue(np.array([[40.0, 40.0]]))[0] == 1 / 201
    assert p.min() > 0
    assert p.max() <= 1


def test_pvalue_is_the_rank_among_held_out_cells():
    scorer = NoveltyScorer(np.zeros((1, 1)), np.eye(1), np.array([1.0, 2.0, 3.0]))
    found = scorer.pvalue(np.array([[0.5], [2.0], [2.5], [9.0]]))
    np.testing.assert_allclose(found, [1, 3 / 4, 2 / 4, 1 / 4])


def test_without_held_out_cells_there_is_no_pvalue():
    scorer = NoveltyScorer.fit(np.eye(3), np.array([0, 1, 0]), np.zeros((0, 3)))
    assert np.isnan(scorer.pvalue(np.eye(3))).all()


@pytest.mark.parametrize("latent", [np.zeros((4, 2)), np.eye(4)[:, :3], np.ones((1, 2))])
def test_few_or_constant_cells_give_numbers(latent):
    codes = np.arange(len(latent)) % 2 if len(latent) > 1 else np.zeros(1, int)
    scorer = NoveltyScorer.fit(latent, codes, latent)
    assert np.isfinite(scorer.score(latent)).all()


def test_arrays_and_back(scorer):
    again = NoveltyScorer(**scorer.to_arrays())
    x = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(again.pvalue(x), scorer.pvalue(x))
