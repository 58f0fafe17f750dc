"""Weights of labels: formulas, scale, refusals, and that they reach the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.train import class_weights, prior_of_training

LABELS = ("a", "b", "c")


def test_balanced_is_the_formula():
    codes = np.repeat([0, 1, 2], [60, 30, 10])
    expected = [100 / (3 * n) for n in (60, 30, 10)]
    np.testing.assert_allclose(class_weights("balanced", codes, LABELS), expected, rtol=1e-6)


def test_effective_number_is_the_formula_and_stands_between():
    counts = np.array([6000, 300, 10])
    codes = np.repeat([0, 1, 2], counts)
    found = class_weights("effective_number", codes, LABELS)
    raw = (1 - 0.999) / (1 - 0.999**counts)
    np.testing.assert_allclose(found / found[0], raw / raw[0], rtol=1e-5)
    balanced = class_weights("balanced", codes, LABELS)
    assert 1 < found[2] / found[0] < balanced[2] / balanced[0]


@given(
    counts=st.lists(st.integers(0, 500), min_size=3, max_size=3).filter(lambda n: sum(n) > 0),
    how=st.sampled_from(["balanced", "effective_number"]),
)
def test_mean_over_cells_is_one(counts, how):
    codes = np.repeat([0, 1, 2], counts)
    weights = class_weights(how, codes, LABELS)
    assert weights[codes].mean(dtype=np.float64) == pytest.approx(1, rel=1e-5)
    assert ((weights > 0) == (np.array(counts) > 0)).all()
    order = np.argsort(counts)
    filled = order[np.array(counts)[order] > 0]
    assert (np.diff(weights[filled]) <= 1e-6).all()
    prior = prior_of_training(weights, codes, 3, balanced_sampling=False)
    assert prior.sum() == pytest.approx(1)


def test_a_mapping_is_taken_as_it_is():
    codes = np.repeat([0, 1, 2], [5, 5, 5])
    np.testing.assert_array_equal(class_weights({"b": 4}, codes, LABELS), [1, 4, 1])
    assert class_weights(None, codes, LABELS) is None


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("balance", r"class_weights='balance'; 'balanced'"),
        ({"B": 2.0}, r"names 'B', which is not a label.*Labels: "),
        ({"b": 0.0}, r"class_weights\['b'\] is 0.0; .* positive"),
        ({"b": np.nan}, r"class_weights\['b'\] is nan"),
        ({"b": -np.inf}, r"class_weights\['b'\] is -inf"),
    ],
)
def test_refusals(how, message):
    with pytest.raises(ValueError, match=message):
        class_weights(how, np.array([0, 1, 2]), LABELS)


def test_prior_is_what_the_fit_saw():
    codes = np.repeat([0, 1], [75, 25])
    plain = prior_of_training(None, codes, 3, balanced_sampling=False)
    np.testing.assert_allclose(plain, [0.75, 0.25, 0])
    np.testing.assert_allclose(
        prior_of_training(None, codes, 3, balanced_sampling=True), [0.5, 0.5, 0]
    )
    weights = class_weights("balanced", codes, LABELS)
    np.testing.assert_allclose(
        prior_of_training(weights, codes, 3, balanced_sampling=False), [0.5, 0.5, 0]
    )
