import numpy as np
import pytest
from scipy import sparse

from cellclass.kernels import find_bad_counts

KINDS = [np.ascontiguousarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array]
BAD = {
    "NaN": np.nan,
    "infinite": -np.inf,
    "negative": -0.5,
    "fractional": 1.5,
    "too large": 2.0**24,
}


@pytest.fixture(params=KINDS, ids=["C", "F", "csr", "csc"])
def kind(request):
    return request.param


@pytest.mark.parametrize("what", BAD)
def test_first_in_the_order_of_genes(kind, what):
    X = np.ones((3000, 4))
    X[5, 3] = X[2000, 2] = X[2999, 2] = BAD[what]
    bad = find_bad_counts(kind(X), np.zeros(3000, int))
    assert (bad.kind, bad.n_values, bad.gene, bad.cell) == (what, 3, 2, 2000)
    assert bad.value == pytest.approx(BAD[what], nan_ok=True)
    assert str(bad) == f"3 {what} values"


def test_worst_kind_is_told(kind):
    every = list(BAD.values())
    for n, what in enumerate(BAD):
        X = kind(np.array([[1.0, *every[n:]]]))
        assert find_bad_counts(X, np.zeros(1, int)).kind == what


def test_counts_are_fine(kind):
    X = kind(np.array([[0.0, 2.0**24 - 1], [-0.0, 3.0]]))
    assert find_bad_counts(X, np.array([0, 1])) is None


def test_cells_left_out_are_not_looked_at(kind):
    X = kind(np.array([[1.0, 2.0], [0.5, np.nan]]))
    assert find_bad_counts(X, np.array([0, -1])) is None


def test_duplicates_are_summed_first():
    X = sparse.csr_matrix((np.array([0.5, 0.5]), np.array([0, 0]), [0, 2]), shape=(1, 1))
    assert find_bad_counts(X, np.zeros(1, int)) is None
    assert X.nnz == 2
