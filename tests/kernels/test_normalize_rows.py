"""Rows scaled to one sum."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import normalize_rows

counts = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.integers(0, 1000)
)


def normalized(X, target_sum=1e4):
    values = X.astype(np.float64).ravel()
    normalize_rows(values, np.arange(len(X) + 1) * X.shape[1], target_sum)
    return values.reshape(X.shape)


@given(counts)
def test_what_numpy_says(X):
    total = X.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(normalized(X), X * 1e4 / np.where(total > 0, total, 1))


@given(counts, st.integers(1, 10**6))
def test_a_multiple_of_the_counts_gives_the_same_bits(X, multiple):
    np.testing.assert_array_equal(normalized(X * multiple), normalized(X))


def test_fractions_in_any_order_give_the_same_bits():
    rng = np.random.default_rng(0)
    X = rng.lognormal(sigma=4, size=(1, 3000))
    for _ in range(20):
        order = rng.permutation(X.shape[1])
        np.testing.assert_array_equal(normalized(X[:, order]), normalized(X)[:, order])


def test_rows_that_are_uneven_or_empty():
    values = np.array([1.0, 3.0, 0.0, 5.0])
    normalize_rows(values, np.array([0, 2, 2, 3, 4]), 8.0)
    assert values.tolist() == [2.0, 6.0, 0.0, 8.0]
