import numpy as np
import pytest
from scipy import sparse

from cellclass.kernels import _count_entries as kernels

X = np.array([[0, 3, 9], [2, 0, 1], [1, 3, 0], [7, 7, 7]])
CODES = np.array([1, 0, 1, -1], dtype=np.int32)
OFFSETS = np.array([0, 2, 6, 8], dtype=np.uint32)  # slots for values 0-1, 0-3 and 0-1
KEYS = [(0, 2, 0), (2, 9, 1)]  # gene, value, label beyond them


def count(name, X, overflow):
    table = np.zeros((2, 8), dtype=np.uint32)
    if name == "dense":
        order = np.argsort(CODES, kind="stable")
        n = kernels.count_dense(X, CODES, order, table, OFFSETS, overflow, 0)
        return n, True, table
    if name == "rows":
        C = sparse.csr_array(X)
        rows, starts = np.array([1, 0, 2]), np.array([0, 1, 3])
        arguments = (C.data, C.indices, C.indptr, rows, starts, table, OFFSETS, overflow)
        return *kernels.count_rows(*arguments), table
    C = sparse.csc_array(X)
    arguments = (C.data, C.indices, C.indptr, CODES, table, OFFSETS, overflow)
    return *kernels.count_columns(*arguments), table


@pytest.fixture(params=["rows", "columns", "dense"])
def name(request):
    return request.param


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_slots_and_overflow(name, dtype):
    overflow = np.empty(5, dtype=np.int64)
    n, in_order, table = count(name, X.astype(dtype), overflow)
    assert (n, in_order) == (2, True)
    table[:, OFFSETS[:-1]] = 0  # zeros are never counted
    expected = np.zeros_like(table)
    expected[1, 2 + 3] = 2
    expected[0, 6 + 1] = expected[1, 0 + 1] = 1
    assert np.array_equal(table, expected)
    keys = sorted(overflow[:n].tolist())
    assert keys == [g << kernels.GENE_SHIFT | v << kernels.LABEL_BITS | k for g, v, k in KEYS]


def test_short_overflow_is_counted_but_not_written(name):
    overflow = np.full(3, -7, dtype=np.int64)
    n, _, _ = count(name, X, overflow[:1])
    assert n == 2
    assert overflow[0] != -7
    assert overflow[1:].tolist() == [-7, -7]


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan, np.inf, -np.inf, 2.0**24, 1e30, -1e30])
def test_not_a_count(name, value):
    Y = X.astype(np.float64)
    Y[2, 2] = value
    assert count(name, Y, np.empty(5, dtype=np.int64))[0] == kernels.NOT_A_COUNT
    Y[3, 2], Y[2, 2] = value, 0  # a cell that is left out
    assert count(name, Y, np.empty(5, dtype=np.int64))[0] == 2


@pytest.mark.parametrize("indices", [[2, 1], [1, 1]])
def test_disorder_is_noticed(indices):
    arrays = np.ones(2), np.array(indices), np.array([0, 2])
    table, overflow = np.zeros((1, 6), dtype=np.uint32), np.empty(1, dtype=np.int64)
    offsets = np.array([0, 2, 4, 6], dtype=np.uint32)
    rows, starts = np.array([0]), np.array([0, 1])
    assert not kernels.count_rows(*arrays, rows, starts, table, offsets, overflow)[1]
    codes = np.zeros(3, dtype=np.int32)
    assert not kernels.count_columns(*arrays, codes, table, offsets, overflow)[1]
