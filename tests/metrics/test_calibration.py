"""Calibration against sums done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax as scipy_softmax

from cellclass.metrics import (
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
    softmax,
)


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-500, 500, width=32)), st.floats(0.05, 20))
def test_softmax(logits, temperature):
    found = softmax(logits, temperature=temperature)
    expected = scipy_softmax(logits.astype(np.float64) / temperature, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def loss(logits, codes, temperature):
    own = softmax(logits, temperature=temperature)[np.arange(len(codes)), codes]
    return -np.log(own).mean()


def test_temperature_is_the_best_one():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, 3)) * 4
    codes = np.array([rng.choice(3, p=p) for p in softmax(logits, temperature=2.5)])
    found = fit_temperature(logits, codes)
    assert 2.0 < found < 3.1
    for other in (0.9 * found, 1.1 * found):
        assert loss(logits, codes, found) < loss(logits, codes, other)


def test_temperature_stays_within_bounds():
    logits, right = np.array([[9.0, 0], [0, 9.0]]), np.array([0, 1])
    assert 0.05 <= fit_temperature(logits, right) <= 1
    assert 1 < fit_temperature(logits, 1 - right) <= 20
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, int)) == 1


def test_reliability_by_hand():
    confidence, correct = np.array([0.1, 0.5, 0.51, 1.0, 1.0]), np.array([0, 1, 0, 1, 1])
    curve = reliability_curve(confidence, correct, n_bins=2)
    assert curve["n_obs"].tolist() == [2, 3]
    np.testing.assert_allclose(curve["confidence"], [0.3, 2.51 / 3])
    np.testing.assert_allclose(curve["accuracy"], [0.5, 2 / 3])


@given(
    hnp.arrays(np.float64, st.shared(st.integers(1, 30), key="n"), elements=st.floats(0, 1)),
    hnp.arrays(np.bool_, st.shared(st.integers(1, 30), key="n")),
    st.integers(1, 20),
)
def test_every_cell_is_in_one_bin_and_the_error_is_a_share(confidence, correct, n_bins):
    curve = reliability_curve(confidence, correct, n_bins=n_bins)
    assert curve["n_obs"].sum() == len(confidence)
    error = expected_calibration_error(confidence, correct, n_bins=n_bins)
    assert 0 <= error <= 1
    assert error >= abs(confidence.mean() - correct.mean()) - 1e-9


def test_calibration_error_by_hand():
    confidence = np.array([0.25, 0.75, 0.75, 0.75, 0.75])
    correct = np.array([False, True, True, True, False])
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.25 / 5)
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"between -0.2 and 0.5"):
        reliability_curve(np.array([-0.2, 0.5]), np.array([True, True]))
    with pytest.raises(ValueError, match="between nan and nan"):
        reliability_curve(np.array([np.nan, 0.5]), np.array([True, True]))
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        reliability_curve(np.zeros(2), np.zeros(3, bool))
