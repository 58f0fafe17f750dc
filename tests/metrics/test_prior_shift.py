"""Shifted proportions are found, and nothing is bent where none shifted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.metrics import estimate_prior_shift


def gaussian(prior, n, means=(0.0, 2.0, 4.0), seed=0):
    """Codes, and the true posterior under equal shares of three normal distributions."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, size=n, p=prior)
    x = np.array(means)[codes] + rng.normal(size=n)
    density = np.exp(-0.5 * (x[:, None] - np.array(means)) ** 2)
    return codes, density / density.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("prior", [(0.8, 0.15, 0.05), (0.1, 0.1, 0.8), (1 / 3, 1 / 3, 1 / 3)])
def test_shares_are_found_and_help(prior):
    codes, probability = gaussian(prior, 20_000)
    shift = estimate_prior_shift(probability, [1, 1, 1])
    assert shift.converged
    np.testing.assert_allclose(shift.query_prior, prior, atol=0.02)
    corrected = shift.corrected(probability)
    accuracy = [(p.argmax(axis=1) == codes).mean() for p in (probability, corrected)]
    assert accuracy[1] >= accuracy[0] - 0.002
    if prior[0] == 0.8:
        assert accuracy[1] > accuracy[0] + 0.02


PROBABILITY = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 12), st.just(3)), elements=st.floats(0, 1, width=32)
).map(lambda p: (p + np.float32(1e-3)) / (p + np.float32(1e-3)).sum(axis=1, keepdims=True))


@given(probability=PROBABILITY, prior=st.tuples(*[st.floats(0, 10)] * 3).filter(lambda p: sum(p)))
def test_shares_and_rows_sum_to_one_and_the_likelihood_does_not_fall(probability, prior):
    shift = estimate_prior_shift(probability, prior, max_iterations=50)
    assert shift.training_prior.sum() == pytest.approx(1)
    assert shift.query_prior.sum() == pytest.approx(1, abs=1e-5)
    corrected = shift.corrected(probability)
    assert corrected.shape == probability.shape
    np.testing.assert_allclose(corrected.sum(axis=1), 1, atol=1e-5)
    assert ((corrected >= 0) & (corrected <= 1 + 1e-6)).all()
    if len(probability) and (shift.training_prior > 1e-6).all():
        ratio = shift.query_prior / shift.training_prior
        assert np.log(probability.astype(float) @ ratio).mean() >= -1e-6


def test_one_step_is_the_formula():
    p, prior = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0.75, 0.25])
    shift = estimate_prior_shift(p, prior, max_iterations=1)
    np.testing.assert_allclose(shift.query_prior, p.mean(axis=0))
    ratio = p * shift.query_prior / prior
    np.testing.assert_allclose(shift.corrected(p), ratio / ratio.sum(axis=1, keepdims=True))
    assert (shift.n_iterations, shift.converged) == (1, False)


def test_without_cells_the_shares_stay():
    shift = estimate_prior_shift(np.zeros((0, 2)), [3, 1])
    np.testing.assert_allclose(shift.query_prior, [0.75, 0.25])
    assert shift.converged


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ([1, 1, 1], r"\(4, 2\).*\(3,\)"),
        ([-1, 2], "from 0 on"),
        ([0, 0], "not all"),
        ([1, np.nan], "0"),
    ],
)
def test_refusals(prior, message):
    with pytest.raises(ValueError, match=message):
        estimate_prior_shift(np.full((4, 2), 0.5), prior)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"max_iterations": 0}, "max_iterations=0"),
        ({"max_iterations": 1.5}, "max_iterations=1.5"),
        ({"tolerance": -1}, "tolerance=-1"),
        ({"tolerance": np.nan}, "tolerance=nan"),
        ({"tolerance": "small"}, "tolerance='small'"),
    ],
)
def test_refused_numbers(kwargs, message):
    with pytest.raises(ValueError, match=message):
        estimate_prior_shift(np.full((4, 2), 0.5), [1, 1], **kwargs)


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        ([[0.5, np.inf]], "1 values are not from 0 to 1, such as inf"),
        ([[np.nan, 0.5]], "such as nan"),
        ([[-0.5, 1.5]], "2 values.*softmax"),
        ([[0.0, 0.0], [0.5, 0.5]], "1 cells are all 0"),
        ([0.5, 0.5], r"probability \(2,\)"),
        ([[0.5, 0.25, 0.25]], r"probability \(1, 3\)"),
        (0.5, r"probability \(\)"),
    ],
)
def test_what_is_no_probability_is_refused(probability, message):
    shift = estimate_prior_shift(np.full((4, 2), 0.5), [1, 1])
    with pytest.raises(ValueError, match=message):
        shift.corrected(probability)
    with pytest.raises(ValueError, match=message):
        estimate_prior_shift(probability, [1, 1])


def test_shares_that_overflow_together():
    shift = estimate_prior_shift(np.full((4, 2), 0.5), [1e308, 1e308])
    np.testing.assert_allclose(shift.query_prior, [0.5, 0.5])
