"""One pass over rows, against plain numpy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import ROW_STATISTICS, row_statistics


def describe(X, dtype=np.float64):
    X = sp.csr_matrix(np.atleast_2d(np.asarray(X, dtype=dtype)))
    out = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, out)
    return out


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.one_of(
            st.integers(-3, 9).map(float), st.floats(-4, 40, width=32), st.just(float("nan"))
        ),
    )
)
def test_sums_and_extremes_are_those_of_numpy(X):
    found = describe(X, X.dtype)
    for row, statistics in zip(X.astype(np.float64), found, strict=True):
        values = row[np.isfinite(row) & (row != 0)]
        assert statistics["n_nonzero"] == np.count_nonzero(row)
        assert statistics["n_not_finite"] == np.isnan(row).sum()
        assert statistics["minimum"] == values.min(initial=0)
        assert statistics["maximum"] == values.max(initial=0)
        np.testing.assert_allclose(statistics["total"], values.sum(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            statistics["total_expm1"], np.expm1(values).sum(), rtol=1e-9, atol=1e-9
        )
        assert statistics["integral"] == bool((values == np.rint(values)).all())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [0.37, 12.3, 151.7])
def test_multiples_of_one_count_are_a_grid(factor, dtype):
    counts = np.array([1, 1, 2, 3, 5, 19, 400])
    (plain,) = describe(counts * factor, dtype)
    assert plain["grid"]
    assert plain["informative"]
    (logged,) = describe(np.log1p(counts * factor), dtype)
    assert logged["grid_expm1"]
    assert logged["informative_expm1"]
    assert not logged["grid"]
    (twice,) = describe(np.log1p(np.log1p(counts * factor)), dtype)
    assert not twice["grid_expm1"]


def test_one_level_tells_nothing():
    (row,) = describe([0.7, 0.7, 0.0, 0.7])
    assert not row["informative"]
    assert not row["informative_expm1"]


def test_values_far_above_the_smallest_tell_nothing():
    (row,) = describe([0.01, 7.3, 8.9])
    assert row["grid"]
    assert not row["informative"]


def test_two_whole_numbers_are_no_logarithms():
    (row,) = describe([1, 2, 2])
    assert row["grid"]
    assert row["informative"]
    assert not row["grid_expm1"]


def test_counts_plus_a_constant_are_seen():
    (row,) = describe(np.array([0, 1, 2, 7]) + 0.0019, np.float32)
    assert row["offset"]
    (row,) = describe(np.array([1, 2, 7]) * 1.0019)
    assert not row["offset"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_left_out(value):
    (row,) = describe([value, 2.0, 3.0])
    assert row["n_not_finite"] == 1
    assert row["total"] == 5


def test_large_values_do_not_overflow_into_nan():
    (row,) = describe([1e5, 2.5])
    assert row["total_expm1"] == np.inf
    assert row["total"] == 1e5 + 2.5


def test_explicit_zeros_and_empty_rows():
    X = sp.csr_matrix((np.array([0.0, 3.0]), np.array([0, 1]), np.array([0, 2, 2])), shape=(2, 2))
    out = np.zeros(2, dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, out)
    assert out["n_nonzero"].tolist() == [1, 0]
    assert out["maximum"].tolist() == [3, 0]
