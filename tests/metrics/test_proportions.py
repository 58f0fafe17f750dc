"""Corrected proportions are those that were mixed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize

from cellclass.metrics import correct_proportions
from cellclass.metrics._proportions import indistinct, most_likely, smallest_singular_value

RATES = np.array([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.0, 0.05, 0.95]])


@given(
    hnp.arrays(np.float64, (4, 3), elements=st.floats(0.01, 1)),
    st.floats(0, 0.3),
    st.integers(1, 10_000),
)
def test_mixtures_are_undone_whatever_they_are(mixtures, error, n):
    known = mixtures / mixtures.sum(axis=1, keepdims=True)
    rates = (1 - error) * np.eye(3) + error * RATES[::-1]
    found = correct_proportions(n * known @ rates, rates * 100)
    np.testing.assert_allclose(found, known, atol=1e-6)
    np.testing.assert_allclose(correct_proportions((known @ rates)[0], rates), known[0], atol=1e-6)


@pytest.mark.parametrize("shares", [[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.05, 0.0, 0.95]])
def test_without_negative_shares_it_is_the_most_likely_mixture(shares):
    found = correct_proportions(shares, RATES)
    assert (np.linalg.solve(RATES.T, shares) < 0).any()
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)

    def loss(free):
        mixed = np.append(free, 1 - free.sum()) @ RATES
        return -np.sum(np.asarray(shares) * np.log(np.clip(mixed, 1e-12, None)))

    inside = {"type": "ineq", "fun": lambda free: 1 - free.sum()}
    best = minimize(loss, [0.3, 0.3], bounds=[(0, 1)] * 2, constraints=inside).fun
    assert loss(found[:2]) <= best + 1e-6


def test_without_errors_nothing_is_corrected():
    np.testing.assert_allclose(correct_proportions([6, 3, 1], np.eye(3)), [0.6, 0.3, 0.1])


def test_one_row_or_many():
    rows = np.array([[60, 30, 10], [10, 30, 60], [1, 0, 99]])
    together = correct_proportions(rows, RATES)
    np.testing.assert_allclose(together, [correct_proportions(row, RATES) for row in rows])


def test_labels_that_cannot_be_told_apart():
    rates = np.array([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.0, 0.51, 0.49]])
    assert indistinct(rates) == [1, 2]
    assert smallest_singular_value(rates) < 0.05 < smallest_singular_value(RATES)
    with pytest.raises(ValueError, match=r"labels 1 and 2 apart .* Merge them"):
        correct_proportions([1, 1, 1], rates)
    assert smallest_singular_value(np.eye(4)) == 1


@pytest.mark.parametrize(
    ("predicted", "confusion", "match"),
    [
        ([1, 2], np.eye(3), "do not fit"),
        ([0, 0, 0], np.eye(3), "not all 0"),
        ([1, -1, 1], np.eye(3), "from 0 on"),
        ([1, np.nan, 1], np.eye(3), "from 0 on"),
        ([1, 1, 1], np.ones((3, 2)), "not square"),
        ([1, 1, 1], np.diag([1, 0, 1]), "true label in row 1"),
        ([1, 1, 1], np.diag([1, -1, 1]), "from 0 on"),
        (3, np.eye(3), "do not fit"),
    ],
)
def test_bad_input(predicted, confusion, match):
    with pytest.raises(ValueError, match=match):
        correct_proportions(predicted, confusion)


def test_most_likely_leaves_solutions_alone():
    known = np.array([[0.2, 0.5, 0.3], [0.0, 0.4, 0.6]])
    np.testing.assert_allclose(most_likely(known @ RATES, RATES), known, atol=1e-9)
