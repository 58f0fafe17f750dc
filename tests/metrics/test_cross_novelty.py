"""Novelty by several networks: pooled, rescaled, valid."""

import numpy as np
import pytest

from cellclass.metrics import CrossNovelty, NoveltyScorer

N_PARTS, D = 4, 6


def draw(n, seed, shift=0.0):
    """Cells in the eyes of four networks, whose latent spaces hold noise of their own."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, D)) + shift).astype(np.float32)
    noise = rng.normal(size=(n, N_PARTS, D)) * 0.7
    return (x[:, None] + noise).reshape(n, -1).astype(np.float32), x


@pytest.fixture(scope="module")
def novelty():
    latent, x = draw(800, 0)
    part, codes = np.arange(800) % N_PARTS, np.zeros(800, dtype=int)
    scorers = []
    for k in range(N_PARTS):
        own = latent[:, k * D : (k + 1) * D]
        rows, held_out = part != k, part == k
        scorers.append(
            NoveltyScorer.fit(
                own[rows], x[rows], codes[rows], held_out=(own[held_out], x[held_out])
            )
        )
    genes = np.tile(np.arange(D), (N_PARTS, 1))
    return CrossNovelty.of(scorers, genes, cells=(latent, x), held_out_by=part)


def test_known_cells_are_rejected_as_often_as_asked(novelty):
    assert len(novelty.calibration) == 800
    assert 0.5 < novelty.shrinkage < 1
    assert (np.diff(novelty.calibration) >= 0).all()
    pvalue = novelty.pvalue(*draw(4000, 1))
    for rate in (0.05, 0.2, 0.5):
        assert (pvalue <= rate).mean() == pytest.approx(rate, abs=0.03 + rate / 10)


def test_novel_cells_are_found_better_than_by_one_network(novelty):
    known, novel = draw(1000, 2), draw(1000, 3, shift=1.0)
    separation = []
    for score in (novelty.score, lambda *cells: novelty.scores(*cells)[0]):
        a, b = score(*known), score(*novel)
        separation.append((b.mean() - a.mean()) / a.std())
    assert separation[0] > separation[1]


def test_arrays_give_the_same_back(novelty):
    cells = draw(50, 4)
    again = CrossNovelty.from_arrays(novelty.to_arrays())
    np.testing.assert_array_equal(again.pvalue(*cells), novelty.pvalue(*cells))
    np.testing.assert_array_equal(again.shrunken(np.ones(1)), novelty.shrunken(np.ones(1)))


def test_without_held_out_cells_there_is_no_pvalue():
    latent, x = draw(40, 5)
    codes, genes = np.zeros(40, dtype=int), np.tile(np.arange(D), (N_PARTS, 1))
    scorers = [
        NoveltyScorer.fit(
            latent[:, k * D : (k + 1) * D], x, codes, held_out=(latent[:0, :D], x[:0])
        )
        for k in range(N_PARTS)
    ]
    none = np.zeros(0, dtype=int)
    novelty = CrossNovelty.of(scorers, genes, cells=(latent[:0], x[:0]), held_out_by=none)
    assert 0.9 < novelty.shrinkage < 0.95  # as on most references
    assert np.isnan(novelty.pvalue(latent, x)).all()
