"""Rows with every transformation undone."""

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract import _linear_rows as module
from cellclass.contract import identify_scale, linear_rows


@pytest.fixture(scope="module")
def counts(_cells):
    return _cells.layers["counts"].toarray().astype(np.float64)


def whole(X, target_sum=None):
    parts = list(linear_rows(X, identify_scale(X), target_sum=target_sum))
    ends = [0] + [rows.stop for rows, _ in parts]
    assert [rows.start for rows, _ in parts] == ends[:-1]
    assert ends[-1] == X.shape[0]
    dense = [part.toarray() if sp.issparse(part) else part for _, part in parts]
    assert all(part.dtype == np.float64 and part.flags.c_contiguous for part in dense)
    return np.concatenate(dense)


@pytest.mark.parametrize("container", [np.asarray, np.asfortranarray, sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("transform", [np.asarray, np.log1p, np.sqrt])
def test_what_was_stored_is_undone(counts, transform, container, monkeypatch):
    monkeypatch.setattr(module, "_MOST_VALUES", counts.shape[1] * 300)
    X = container(transform(counts))
    before = X.copy()
    np.testing.assert_array_equal(whole(X), counts)
    total = counts.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(whole(X, 1e4), counts * 1e4 / total)
    assert abs(X - before).max() == 0


def test_parts_are_the_callers_to_change(counts):
    for kind in (np.array, sp.csr_matrix):
        X = kind(counts)
        for _, part in linear_rows(X, identify_scale(X), target_sum=None):
            (part.data if sp.issparse(part) else part)[:] = 0
        assert X.sum() == counts.sum()


def test_wide_matrices_come_in_smaller_parts(monkeypatch, counts):
    monkeypatch.setattr(module, "_MOST_VALUES", 1)
    X = counts[:3]
    scale = identify_scale(counts)
    assert [rows.stop for rows, _ in linear_rows(X, scale, target_sum=None)] == [1, 2, 3]


def test_duplicated_entries_are_summed():
    X = sp.csr_matrix(
        (np.array([2.0, 1.0, 3.0, 4.0]), np.array([1, 0, 1, 2]), np.array([0, 3, 4])), shape=(2, 3)
    )
    np.testing.assert_array_equal(whole(X, 12.0), [[2, 10, 0], [0, 0, 12]])
    assert X.nnz == 4
