"""The p-value is uniform for known cells and small for new ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellclass.metrics import NoveltyScorer
from cellclass.metrics._novelty import _at_most

RNG = np.random.default_rng(0)
PROFILES = RNG.gamma(0.5, 2.0, size=(4, 40))
AXES = RNG.normal(size=(40, 6))


def draw(n, labels, seed):
    """Cells of some labels as latent representation, model input and codes."""
    rng = np.random.default_rng(seed)
    codes = np.asarray(labels)[rng.integers(0, len(labels), size=n)]
    x = np.log1p(rng.poisson(PROFILES[codes])).astype(np.float32)
    return x @ AXES, x, codes


@pytest.fixture(scope="module")
def scorer():
    return NoveltyScorer.fit(*draw(600, [0, 1, 2], 1), held_out=draw(300, [0, 1, 2], 2)[:2])


def test_pvalue_is_uniform_for_known_cells_and_small_for_novel_ones(scorer):
    p = scorer.pvalue(*draw(3000, [0, 1, 2], 3)[:2])
    for level in (0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 0.08
    assert p.min() > 0
    assert p.max() <= 1
    assert np.median(scorer.pvalue(*draw(200, [3], 4)[:2])) <= 2 / 301


def test_input_shows_what_the_latent_space_does_not(scorer):
    """Novel cells that the network takes for known ones."""
    latent, x, _ = draw(200, [0, 1, 2], 5)
    novel = draw(200, [3], 6)[1]
    assert np.median(scorer.pvalue(latent, x)) > 0.3
    assert np.median(scorer.pvalue(latent, novel)) < 0.02


def test_pvalue_is_the_rank_among_held_out_cells(scorer):
    latent, x, _ = draw(50, [0, 3], 7)
    score = scorer.score(latent, x)
    ranked = replace(scorer, calibration=np.sort(score[:9]))
    expected = [(1 + (score[:9] >= one - 1e-4).sum()) / 10 for one in score]
    np.testing.assert_allclose(ranked.pvalue(latent, x), expected)


def test_parts_are_weighed_on_the_scale_of_held_out_cells(scorer):
    held_out = draw(300, [0, 1, 2], 2)[:2]
    parts = (scorer.parts(*held_out) - scorer.centre) / scorer.scale
    np.testing.assert_allclose(np.median(parts, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scorer.score(*held_out), parts @ [1, 0.5, 0.5])
    np.testing.assert_allclose(scorer.calibration, np.sort(scorer.score(*held_out)))


def test_a_cell_does_not_depend_on_the_others(scorer):
    latent, x, _ = draw(40, [0, 1, 2, 3], 8)
    together = scorer.score(latent, x)
    order = np.random.default_rng(0).permutation(40)
    np.testing.assert_allclose(scorer.score(latent[order], x[order]), together[order], atol=1e-4)
    for row in (0, 21):
        alone = scorer.score(latent[row : row + 1], x[row : row + 1])
        assert alone[0] == pytest.approx(together[row], abs=1e-4)


def test_without_held_out_cells_there_is_no_pvalue():
    cells = draw(60, [0, 1], 9)
    scorer = NoveltyScorer.fit(*cells, held_out=(cells[0][:0], cells[1][:0]))
    assert np.isnan(scorer.pvalue(*cells[:2])).all()
    assert np.isfinite(scorer.score(*cells[:2])).all()


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 7)),
        elements=st.floats(0, 9, width=32),
    )
)
def test_few_or_constant_cells_give_numbers(x):
    scorer = NoveltyScorer.fit(
        x, x, np.arange(len(x)) % 2 if len(x) > 1 else np.zeros(1, int), held_out=(x, x)
    )
    assert np.isfinite(scorer.score(x, x)).all()
    p = scorer.pvalue(x, x)
    assert ((p > 0) & (p <= 1)).all()


def test_arrays_and_back(scorer):
    again = NoveltyScorer.from_arrays(scorer.to_arrays())
    cells = draw(20, [0, 3], 10)[:2]
    np.testing.assert_array_equal(again.pvalue(*cells), scorer.pvalue(*cells))
    assert set(again.to_arrays()) == set(scorer.to_arrays())


def test_at_most_so_many_cells_of_a_label():
    codes = np.repeat([0, 1, 2], [5, 50, 2])
    some = _at_most(codes, 10)
    assert np.bincount(codes[some]).tolist() == [5, 10, 2]
    assert (np.diff(some) > 0).all()
    np.testing.assert_array_equal(some, _at_most(codes, 10))
