"""Rows of expression as model input, against plain numpy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import LINEAR, LN, LOG2, SQRT, gather_csr, gather_dense

AS_STORED = (LINEAR, 0.0, False)
FORMS = {
    AS_STORED: lambda x: x,
    (LN, 0.0, False): np.expm1,
    (LOG2, 0.0, False): lambda x: 2**x - 1,
    (SQRT, 0.0, False): np.square,
    (LN, 0.0, True): lambda x: np.rint(np.expm1(x)),
    (LINEAR, 0.125, True): lambda x: np.where(x > 0, np.rint(x - 0.125), 0),
}


def plain(X, known, position, form, share, target_sum, out):
    """Say the same in numpy, cell by cell and gene by gene."""
    linear = FORMS[form](X.astype(np.float64))
    for i, row in enumerate(linear):
        total = row[known].sum()
        for gene in np.flatnonzero(known & (position >= 0)):
            if row[gene] > 0:
                factor = target_sum * share / total if target_sum else 1.0
                out[i, position[gene]] = np.log1p(row[gene] * factor)


@st.composite
def problems(draw):
    n_obs, n_vars = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    X = draw(
        hnp.arrays(
            st.sampled_from([np.float32, np.float64]),
            (n_obs, n_vars),
            elements=st.one_of(st.just(0.0), st.floats(0.125, 8, width=32)),
        )
    )
    known = draw(hnp.arrays(np.bool_, n_vars))
    n_known = int(known.sum())
    places = draw(st.permutations(range(n_known)))
    n_selected = draw(st.integers(0, n_known))
    position = np.full(n_vars, -1, dtype=np.int64)
    for place, gene in zip(places, np.flatnonzero(known), strict=True):
        position[gene] = place if place < n_selected else -1
    return X, known, position, n_selected


@given(problems(), st.sampled_from(list(FORMS)), st.sampled_from([0.0, 1e4]), st.floats(0.1, 1))
def test_gather_is_what_numpy_says(problem, form, target_sum, share):
    X, known, position, n_selected = problem
    expected = np.zeros((len(X), n_selected), dtype=np.float32)
    plain(X, known, position, form, share, target_sum, expected)
    how = (known, position, form, share, target_sum)
    dense, sparse = np.zeros_like(expected), np.zeros_like(expected)
    gather_dense(np.ascontiguousarray(X), *how, dense)
    csr = sp.csr_matrix(X)
    gather_csr(csr.data, csr.indices, csr.indptr, *how, sparse)
    np.testing.assert_allclose(dense, expected, rtol=1e-6)
    np.testing.assert_array_equal(sparse, dense)


@pytest.mark.parametrize("fill", [0.0, 0.75])
def test_what_stands_in_for_missing_genes_stays(fill):
    out = np.full((1, 2), [0.0, fill], dtype=np.float32)
    gather_dense(np.array([[3.0]]), np.array([True]), np.array([0]), AS_STORED, 1.0, 0.0, out)
    np.testing.assert_allclose(out, [[np.log1p(3), fill]], rtol=1e-6)


def test_a_cell_without_counts_is_zero_not_nan():
    out = np.zeros((1, 1), dtype=np.float32)
    gather_dense(np.zeros((1, 1)), np.array([True]), np.array([0]), AS_STORED, 1.0, 1e4, out)
    assert out.tolist() == [[0.0]]


def test_the_total_is_over_known_genes_only():
    out = np.zeros((1, 1), dtype=np.float32)
    X = np.array([[2.0, 6.0, 100.0]])
    known, position = np.array([True, True, False]), np.array([0, -1, -1])
    gather_dense(X, known, position, AS_STORED, 0.5, 1e4, out)
    np.testing.assert_allclose(out, [[np.log1p(2 / 8 * 0.5 * 1e4)]], rtol=1e-6)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_both_kinds_of_index_and_any_order_of_entries(index_dtype):
    data = np.array([5.0, 3.0, 7.0], dtype=np.float32)
    indices, indptr = np.array([2, 0, 1], index_dtype), np.array([0, 2, 3], index_dtype)
    out = np.zeros((2, 3), dtype=np.float32)
    gather_csr(
        data, indices, indptr, np.ones(3, bool), np.array([2, 1, 0]), AS_STORED, 1.0, 0.0, out
    )
    np.testing.assert_allclose(out, np.log1p([[5, 0, 3], [0, 7, 0]]), rtol=1e-6)
