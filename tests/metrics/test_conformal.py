"""Sets hold the true label as often as they should, for each label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.metrics import ConformalSets, log_losses, softmax


def draw(n, rng, spread=(0.5, 2.0, 1.0), shares=(0.7, 0.25, 0.05)):
    """Logits of three labels, of which the second is hard."""
    codes = rng.choice(3, size=n, p=shares)
    logits = np.eye(3)[codes] * 3 + rng.normal(size=(n, 3)) * np.array(spread)[codes][:, None]
    return logits, codes


@given(st.integers(1, 6), st.floats(0.1, 10))
def test_losses_are_negative_log_probabilities(n, temperature):
    logits = np.random.default_rng(n).normal(size=(n, 4)) * 3
    expected = -np.log(softmax(logits, temperature=temperature))
    np.testing.assert_allclose(
        log_losses(logits, temperature=temperature), expected, rtol=1e-6, atol=1e-12
    )


def test_losses_of_the_best_label_are_exact():
    losses = log_losses(np.array([[60.0, 0.0]]))
    np.testing.assert_allclose(losses, [[np.exp(-60.0), 60.0]])


@pytest.mark.parametrize("coverage", [0.7, 0.9])
def test_coverage_of_all_cells_and_of_each_label(coverage):
    rng = np.random.default_rng(0)
    logits, codes = draw(3000, rng)
    sets = ConformalSets.fit(log_losses(logits), codes)
    logits, codes = draw(6000, rng)
    held = sets.contains(log_losses(logits), sets.thresholds(3, coverage))
    right = held[np.arange(6000), codes]
    assert right.mean() == pytest.approx(coverage, abs=0.02)
    for k in range(3):
        assert right[codes == k].mean() == pytest.approx(coverage, abs=0.05)
    marginal = log_losses(logits)[np.arange(6000), codes]
    overall = marginal <= np.quantile(marginal, coverage)
    assert overall[codes == 1].mean() < coverage - 0.15  # what one threshold for all does


def test_a_rare_label_leans_on_all_labels():
    scores = np.concatenate([np.linspace(0, 1, 1000), [5.0, 6.0]])
    sets = ConformalSets(scores, np.repeat([0, 1], [1000, 2]))
    common, rare = sets.thresholds(2, 0.9)
    assert common == pytest.approx(0.9, abs=0.02)
    assert rare == 5.0  # the lower score of its own two cells
    few, fewer = sets.thresholds(2, 0.5)
    assert few == pytest.approx(0.5, abs=0.01)
    assert 0.5 < fewer < 0.7


def test_more_than_the_cells_can_bear_out():
    sets = ConformalSets(np.linspace(0, 1, 20), np.zeros(20, dtype=int))
    with pytest.warns(UserWarning, match=r"coverage=0.99 is more than 20 held-out cells"):
        thresholds = sets.thresholds(2, 0.99)
    assert np.isinf(thresholds).all()
    assert sets.contains(np.full((1, 2), 99.0), thresholds).all()
    none = ConformalSets(np.zeros(0), np.zeros(0, dtype=int))
    with pytest.warns(UserWarning, match="0 held-out cells"):
        assert np.isinf(none.thresholds(3, 0.5)).all()


def test_under_other_conditions_the_rank_stays():
    sets = ConformalSets(np.linspace(0, 1, 101), np.zeros(101, dtype=int))
    usual = sets.thresholds(1, 0.8)
    np.testing.assert_allclose(sets.thresholds(1, 0.8, now=np.linspace(0, 1, 101)), usual)
    np.testing.assert_allclose(sets.thresholds(1, 0.8, now=np.linspace(0, 3, 101)), 3 * usual)


@given(st.floats(0.05, 0.6), st.floats(0.05, 0.3))
def test_more_coverage_never_takes_a_label_out(coverage, more):
    rng = np.random.default_rng(1)
    logits, codes = draw(300, rng)
    sets = ConformalSets.fit(log_losses(logits), codes)
    assert (sets.thresholds(3, coverage) <= sets.thresholds(3, coverage + more)).all()
