"""Rows taken together."""

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract._evidence import Evidence
from cellclass.kernels import LINEAR, LN, ROW_STATISTICS, SQRT, row_statistics


def evidence(X):
    X = sp.csr_matrix(np.asarray(X, dtype=np.float64))
    rows = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, 6e-6, rows, False)
    return Evidence(rows, n_vars=X.shape[1])


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(rng.gamma(0.5, 3.0, size=(6, 200))) + np.eye(6, 200)


def test_empty_rows_are_left_out_and_positions_kept(counts):
    counts[2] = 0
    assert evidence(counts).positions.tolist() == [0, 1, 3, 4, 5]


def test_rows_support_what_was_applied_and_contradict_the_rest(counts):
    told = evidence(np.log1p(counts * 7.123))
    assert told.supported[:, LN].all()
    assert told.contradicted[:, [LINEAR, SQRT]].all()


def test_many_whole_numbers_are_no_square_roots(counts):
    told = evidence(counts)
    assert told.supported[:, LINEAR].all()
    assert told.contradicted[:, SQRT].all()
    assert not evidence([[1, 2, 2, 0]]).contradicted[:, SQRT].any()


def test_sums(counts):
    normalized = counts / counts.sum(axis=1, keepdims=True) * 4321
    share, target, agrees = evidence(np.log1p(normalized)).sums(LN)
    assert (share, target) == (1, pytest.approx(4321, rel=1e-6))
    assert agrees.all()
    share, target, agrees = evidence(counts).sums(LINEAR)
    assert target is None
    assert share < 0.9


@pytest.mark.parametrize(("target", "is_usual"), [(1e4, True), (1e6, True), (4321, False)])
def test_one_or_two_cells_need_a_usual_sum(counts, target, is_usual):
    normalized = counts / counts.sum(axis=1, keepdims=True) * target
    found = evidence(normalized[:2]).sums(LINEAR)[1]
    assert found == (target if is_usual else None)


def test_constants(counts):
    assert not evidence(counts).is_raised
    assert evidence(counts + 0.3).is_raised
    assert evidence(np.log1p(counts) + 0.3).is_raised
    assert evidence((counts == 0) + 0.3).ties == (counts > 0).mean()
    assert not evidence(counts[:, :2] + 0.3).is_raised  # too few entries to tell


def test_whole_numbers(counts):
    assert evidence(np.log1p(counts)).of_counts(LN)
    assert not evidence(np.log1p(counts * 10)).of_counts(LN)
    assert not evidence(np.log1p(counts * 7.123)).of_counts(LN)
