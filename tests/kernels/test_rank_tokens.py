"""Rank tokens, against fractions sorted by Python."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import MOST_GENES, rank_tokens_csr, rank_tokens_dense


def plain(X, factor, n_tokens):
    """Say the same without a rounding error, cell by cell."""
    out = np.full((len(X), n_tokens), -1, dtype=np.int32)
    for i, row in enumerate(X):
        ratio = {g: Fraction(float(row[g])) / Fraction(float(factor[g])) for g in row.nonzero()[0]}
        best = sorted(ratio, key=lambda gene: (-ratio[gene], gene))[:n_tokens]
        out[i, : len(best)] = best
    return out


def of_csr(csr, factor, n_tokens):
    out = np.full((csr.shape[0], n_tokens), 7, dtype=np.int32)
    rank_tokens_csr(csr.data, csr.indices, csr.indptr, factor, out)
    return out


def of_dense(X, factor, n_tokens):
    out = np.full((len(X), n_tokens), 7, dtype=np.int32)
    rank_tokens_dense(X, factor, out)
    return out


def shuffled(csr, rng):
    """Return the same matrix with the entries of each row in another order."""
    data, indices = csr.data.copy(), csr.indices.copy()
    for start, stop in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        order = start + rng.permutation(stop - start)
        data[start:stop], indices[start:stop] = csr.data[order], csr.indices[order]
    return sp.csr_matrix((data, indices, csr.indptr), shape=csr.shape)


# whole numbers up to 40, so that many ratios are equal
problems = st.tuples(st.integers(1, 5), st.integers(1, 12)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(
            st.sampled_from([np.float32, np.float64, np.int64]), shape, elements=st.integers(0, 9)
        ),
        hnp.arrays(np.float64, shape[1], elements=st.integers(1, 40)),
        st.integers(1, 14),
    )
)


@given(problems, st.integers(0, 99))
def test_tokens_are_what_python_says(problem, seed):
    X, factor, n_tokens = problem
    expected = plain(X, factor, n_tokens)
    np.testing.assert_array_equal(of_dense(X, factor, n_tokens), expected)
    csr = shuffled(sp.csr_matrix(X), np.random.default_rng(seed))
    np.testing.assert_array_equal(of_csr(csr, factor, n_tokens), expected)


@given(problems)
def test_explicit_zeros_are_not_expressed(problem):
    X, factor, n_tokens = problem
    full = sp.csr_matrix(np.ones_like(X))
    full.data[:] = X.ravel()
    np.testing.assert_array_equal(of_csr(full, factor, n_tokens), plain(X, factor, n_tokens))


def test_many_genes_and_a_short_sentence():
    rng = np.random.default_rng(0)
    X = rng.lognormal(sigma=3, size=(20, 5000)) * (rng.random((20, 5000)) < 0.4)
    factor = rng.lognormal(sigma=3, size=5000)
    expected = np.argsort(-X / factor, axis=1)[:, :64]
    np.testing.assert_array_equal(of_dense(X, factor, 64), expected)
    csr = shuffled(sp.csr_matrix(X), rng)
    np.testing.assert_array_equal(of_csr(csr, factor, 64), expected)
    longest = of_csr(csr, factor, 4000)
    np.testing.assert_array_equal(longest[:, :64], expected)
    np.testing.assert_array_equal((longest >= 0).sum(axis=1), (X > 0).sum(axis=1))


def test_errors_of_the_last_digit_are_ties():
    X = np.array([[0.3, 1.0, 1 + 1e-12, 1 - 1e-12, 1 + 1e-6, 1 - 1e-6]])
    factor = np.array([0.1 * 3, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert 0.3 / factor[0] < 1
    assert of_dense(X, factor, 6).tolist() == [[4, 0, 1, 2, 3, 5]]


def test_ratios_of_any_size():
    X = np.array([[1e-300, 5e-324, 1e12, 1.0, 1e300, 1e300]])
    factor = np.array([1.0, 1.0, 1e-3, 1.0, 1.0, 1e-300])
    assert of_dense(X, factor, 6).tolist() == [[5, 4, 2, 3, 0, 1]]


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_both_kinds_of_index_and_the_last_gene_that_fits(index_dtype):
    factor = np.ones(MOST_GENES)
    out = np.empty((1, 3), dtype=np.int32)
    indices = np.array([MOST_GENES - 1, 0], dtype=index_dtype)
    indptr = np.array([0, 2], dtype=index_dtype)
    rank_tokens_csr(np.array([2.0, 1.0]), indices, indptr, factor, out)
    assert out.tolist() == [[MOST_GENES - 1, 0, -1]]


def test_the_cell_beside_is_of_no_matter():
    X = np.random.default_rng(1).poisson(0.7, size=(30, 40)).astype(np.float64)
    factor = np.arange(1.0, 41.0)
    every = of_dense(X, factor, 20)
    np.testing.assert_array_equal(of_dense(X[::-1], factor, 20), every[::-1])
    np.testing.assert_array_equal(of_dense(X[5:6], factor, 20), every[5:6])
