"""Bins of expression, against fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import log2_bins, quantile_bins

DTYPES = [np.float32, np.float64, np.int64]


def in_octaves(values, highest, slack=0.0):
    out = np.full(np.shape(values), 77, dtype=np.uint8)
    log2_bins(np.asarray(values), highest, slack, out)
    return out


def in_quantiles(X, n_bins):
    out = np.full(X.size, 77, dtype=np.uint8)
    quantile_bins(X.ravel(), np.arange(len(X) + 1) * X.shape[1], n_bins, out)
    return out.reshape(X.shape)


def plain_quantiles(X, n_bins):
    """Count the quantiles that are at most x; they are interpolated as numpy does by default."""
    out = np.zeros(X.shape, dtype=np.uint8)
    for i, row in enumerate(X):
        ordered = sorted(Fraction(float(x)) for x in row if x > 0)
        edges = []
        for k in range(n_bins - 1) if ordered else ():
            place = Fraction(k * (len(ordered) - 1), n_bins - 2)
            low, high = ordered[place.__floor__()], ordered[place.__ceil__()]
            edges.append(low + (place - place.__floor__()) * (high - low))
        for j in row.nonzero()[0]:
            out[i, j] = sum(edge <= Fraction(float(row[j])) for edge in edges)
    return out


@given(
    hnp.arrays(st.sampled_from(DTYPES), st.integers(0, 30), elements=st.integers(0, 2**20)),
    st.integers(1, 30),
)
def test_octaves_of_whole_numbers(values, highest):
    expected = [min((int(value) + 1).bit_length() - 1, highest) for value in values]
    assert in_octaves(values, highest).tolist() == expected


@given(
    hnp.arrays(np.float64, st.integers(0, 30), elements=st.floats(0, 1e6, width=32)),
    st.integers(1, 30),
)
def test_octaves_of_fractions(values, highest):
    expected = [min((1 + Fraction(x)).__floor__().bit_length() - 1, highest) for x in values]
    # the sum 1 + x of a float64 is rounded
    near = np.isclose(np.log2(1 + values), np.rint(np.log2(1 + values)), rtol=1e-12, atol=0)
    found = in_octaves(values, highest)
    np.testing.assert_array_equal(found[~near], np.array(expected, dtype=int)[~near])


def test_octaves_with_slack():
    values = np.array([0.0, 1 - 1e-6, 1.0, 3 - 1e-6, 3 - 1e-4])
    assert in_octaves(values, 5).tolist() == [0, 0, 1, 1, 1]
    assert in_octaves(values, 5, 2e-6).tolist() == [0, 1, 1, 2, 1]


matrices = hnp.arrays(
    st.sampled_from(DTYPES),
    st.tuples(st.integers(1, 4), st.integers(1, 25)),
    elements=st.integers(0, 6),
)


@given(matrices, st.integers(3, 255))
def test_quantiles_are_what_fractions_say(X, n_bins):
    np.testing.assert_array_equal(in_quantiles(X, n_bins), plain_quantiles(X, n_bins))


@given(matrices, st.integers(3, 255))
def test_only_the_order_matters(X, n_bins):
    expected = in_quantiles(X, n_bins)
    for transform in (np.log1p, np.sqrt, lambda x: x * 37):
        transformed = transform(X.astype(np.float64))
        np.testing.assert_array_equal(in_quantiles(transformed, n_bins), expected)


@pytest.mark.parametrize("n_bins", [3, 7, 51, 100])
def test_quantiles_of_numpy(n_bins):
    # 101 is a prime: but for the ends, no quantile is a value, where numpy's would be rounded
    x = np.random.default_rng(0).lognormal(size=102)
    edges = np.quantile(x, np.linspace(0, 1, n_bins - 1))
    np.testing.assert_array_equal(in_quantiles(x[None], n_bins)[0], np.digitize(x, edges))


def test_rows_that_are_uneven_or_empty():
    out = np.full(6, 77, dtype=np.uint8)
    quantile_bins(np.array([5.0, 0.0, 1.0, 3.0, 2.0, 2.0]), np.array([0, 0, 3, 4, 6]), 6, out)
    assert out.tolist() == [5, 0, 1, 5, 5, 5]
