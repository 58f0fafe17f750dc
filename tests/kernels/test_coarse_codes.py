import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from cellclass.kernels import at_median_depth, tercile_thresholds

DTYPES = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", ">i4"]
KINDS = [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array, sparse.coo_array]


def counts(seed, dtype, n_obs=12, n_vars=7):
    rng = np.random.default_rng(seed)
    X = rng.poisson(rng.gamma(0.5, 6, (n_obs, n_vars)))
    X[rng.integers(n_obs)] = 0
    return np.minimum(X, 100).astype(dtype)


@given(st.integers(0, 2**32 - 1), st.sampled_from(DTYPES), st.sampled_from(KINDS))
def test_depth_equals_numpy(seed, dtype, kind):
    dense = counts(seed, dtype)
    cells = np.random.default_rng(seed).random(12) < 0.7
    cells[:2] = True
    if dtype in ("float16", ">i4"):
        kind = np.asarray  # SciPy has no such sparse matrix
    X = kind(dense)
    scaled, depth = at_median_depth(X, cells)
    expected = dense.astype(np.float64)
    np.testing.assert_array_equal(depth, expected.sum(axis=1))
    factor = np.median(depth[cells]) / np.maximum(depth, 1)
    np.testing.assert_array_equal(
        scaled.toarray()[cells], np.rint(factor[:, None] * expected)[cells]
    )
    assert scaled.dtype == np.float32
    assert scaled.format == ("csc" if kind is sparse.csc_array else "csr")
    np.testing.assert_array_equal(X.toarray() if sparse.issparse(X) else X, dense)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -5.0, 1e300])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_cells_that_are_left_out_may_hold_anything(kind, value):
    X = counts(0, "float64")
    cells = np.arange(12) != 5
    expected = at_median_depth(kind(X), cells)[0].toarray()[cells]
    X[5, 3] = value
    found = at_median_depth(kind(X), cells)[0].toarray()[cells]
    np.testing.assert_array_equal(found, expected)


def test_duplicates_are_summed():
    X = sparse.csr_array((np.array([100, 100, 50], "int8"), [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    scaled, depth = at_median_depth(X, np.array([True, True]))
    assert depth.tolist() == [200, 50]
    assert scaled.toarray().tolist() == [[125, 0], [0, 125]]
    assert X.nnz == 3


@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
def test_terciles_equal_numpy(seed, n_obs):
    X = counts(seed, "float32", n_obs=n_obs) * np.array([1, 1, 1, 1, 0, 20, 50], "float32")
    ordered = np.sort(X, axis=0)
    low = np.maximum(ordered[n_obs // 3], 1)
    high = np.maximum(ordered[2 * n_obs // 3], low + 1)
    found = tercile_thresholds(sparse.csc_array(X))
    np.testing.assert_array_equal(found, np.c_[low, high])
