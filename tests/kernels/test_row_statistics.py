"""One pass over rows, against plain numpy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import LINEAR, LN, ROW_STATISTICS, SQRT, row_statistics

EXACT = 6e-6


def describe(X, dtype=np.float64, precision=EXACT):
    X = sp.csr_matrix(np.atleast_2d(np.asarray(X, dtype=dtype)))
    out = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, precision, out, False)
    return out


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.one_of(
            st.integers(-3, 9).map(float), st.floats(-4, 20, width=32), st.just(float("nan"))
        ),
    )
)
def test_sums_and_extremes_are_those_of_numpy(X):
    found = describe(X, X.dtype)
    for row, statistics in zip(X.astype(np.float64), found, strict=True):
        values = row[np.isfinite(row) & (row != 0)]
        positive = values[values > 0]
        assert statistics["n_nonzero"] == np.count_nonzero(row)
        assert statistics["n_not_finite"] == np.isnan(row).sum()
        assert statistics["minimum"] == values.min(initial=0)
        assert statistics["maximum"] == values.max(initial=0)
        assert statistics["smallest"] == positive.min(initial=np.inf)
        assert statistics["n_smallest"] == (values == positive.min(initial=np.inf)).sum()
        assert statistics["integral"] == bool((values == np.rint(values)).all())
        if np.isnan(row).any() or values.size == 0 or values.min() < 0 or values.sum() < 1e-30:
            continue
        np.testing.assert_allclose(statistics["total"][LINEAR], values.sum(), rtol=1e-6)
        spread = values.size * np.square(values).sum() / values.sum() ** 2
        np.testing.assert_allclose(statistics["spread"][LINEAR], spread, rtol=1e-5)
        assert statistics["n_large"] == (values >= 0.5).sum()
        if not statistics["integral"]:
            np.testing.assert_allclose(statistics["total"][LN], np.expm1(values).sum(), rtol=1e-6)
            np.testing.assert_allclose(
                statistics["total"][SQRT], np.square(values).sum(), rtol=1e-6
            )


def test_sums_that_no_logarithm_can_have_are_left_out():
    (row,) = describe([1e5, 2.5])
    assert row["total"][LINEAR] == np.float32(1e5 + 2.5)
    assert np.isnan(row["total"][LN])
    assert row["bits"][LN] == -1


def test_whole_numbers_near_whole_numbers_and_constants():
    (row,) = describe([0.98, 2.05, 3.5, 0.2])
    assert (row["n_large"], row["n_near_whole"]) == (3, 2)
    (row,) = describe(np.array([0, 1, 2, 7]) + 0.0019, np.float32)
    assert row["same_fraction"]
    (row,) = describe(np.array([1, 2, 7]) * 1.0019)
    assert not row["same_fraction"]
    (row,) = describe([1, 2, 7])
    assert row["integral"]
    assert row["same_fraction"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted(value):
    (row,) = describe([value, 2.0, 3.0])
    assert row["n_not_finite"] == 1
    assert row["maximum"] == 3


def test_negative_values_settle_the_question():
    (row,) = describe([-1.0, 2.0, 3.0])
    assert row["minimum"] == -1
    assert (row["bits"] == 0).all()


def test_explicit_zeros_and_empty_rows():
    X = sp.csr_matrix((np.array([0.0, 3.0]), np.array([0, 1]), np.array([0, 2, 2])), shape=(2, 2))
    out = np.zeros(2, dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, EXACT, out, False)
    assert out["n_nonzero"].tolist() == [1, 0]
    assert out["maximum"].tolist() == [3, 0]


def test_one_level_that_is_whole_by_chance_does_not_hide_rounding():
    counts = np.array([1] * 30 + [2] * 8 + [3, 4, 5])
    factor = np.expm1(4.0) / 2  # ln(1 + 2 k) is 4
    (row,) = describe(np.log1p(counts * factor).round(3), np.float32)
    assert row["bits"][LN] >= 9
