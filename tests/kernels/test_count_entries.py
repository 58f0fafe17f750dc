import numpy as np
import pytest
from scipy import sparse

from cellclass.kernels import _count_entries as kernels
from cellclass.kernels._bins import EXACT, BinRule

X = np.array([[0, 3, 9], [2, 0, 1], [1, 3, 0], [7, 7, 7]])
CODES = np.array([1, 0, 1, -1], dtype=np.int32)
OFFSETS = np.array([0, 2, 6, 8], dtype=np.uint32)  # slots for values 0-1, 0-3 and 0-1
KEYS = [(0, 2, 0), (2, 9, 1)]  # gene, value, label beyond them


RULE = BinRule(EXACT, 0, np.empty(0), np.empty((0, 0), dtype=np.int32))


def count(name, X, overflow, rule=None):
    """Count with a kernel; the number of keys, the position, the status and the table."""
    table, none = np.zeros((2, 8), dtype=np.uint32), np.empty(0)
    rows, starts = np.array([1, 0, 2]), np.array([0, 1, 3])
    by_cell = (none, rule, rows, starts, 0, table, OFFSETS, overflow, 0, 0)
    by_gene = (none, rule, np.where(CODES < 0, 2, CODES), table, OFFSETS, overflow, 0, 0, 3)
    if name == "dense rows":
        return *kernels.count_dense_rows(X, *by_cell), table
    if name == "dense columns":
        return *kernels.count_dense_columns(np.ascontiguousarray(X.T), *by_gene), table
    if name == "rows":
        C = sparse.csr_array(X)
        return *kernels.count_rows(C.data, C.indices, C.indptr, *by_cell), table
    C = sparse.csc_array(X)
    return *kernels.count_columns(C.data, C.indices, C.indptr, *by_gene), table


@pytest.fixture(params=["rows", "columns", "dense rows", "dense columns"])
def name(request):
    return request.param


@pytest.mark.parametrize(
    ("dtype", "rule"),
    [(np.uint8, None), (np.int64, None), (np.float32, None), (np.float64, None), (np.int64, RULE)],
)
def test_slots_and_overflow(name, dtype, rule):
    overflow = np.empty(9, dtype=np.int64)
    n, position, status, table = count(name, X.astype(dtype), overflow, rule)
    assert (n, position, status) == (2, 3, kernels.IN_ORDER)
    table[:, OFFSETS[:-1]] = 0  # zeros are never counted
    expected = np.zeros_like(table)
    expected[1, 2 + 3] = 2
    expected[0, 6 + 1] = expected[1, 0 + 1] = 1
    assert np.array_equal(table, expected)
    keys = sorted(overflow[:n].tolist())
    assert keys == [g << kernels.GENE_SHIFT | v << kernels.LABEL_BITS | k for g, v, k in KEYS]


def test_stops_before_the_overflow_is_full(name):
    overflow = np.full(3, -7, dtype=np.int64)
    n, position, status, _ = count(name, X, overflow[:1])
    assert (n, position, status) == (0, 0, kernels.IN_ORDER)
    assert (overflow == -7).all()


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan, np.inf, -np.inf, 2.0**24, 1e30, -1e30])
def test_not_a_count(name, value):
    Y = X.astype(np.float64)
    Y[2, 2] = value
    assert count(name, Y, np.empty(9, dtype=np.int64))[2] == kernels.NOT_A_COUNT
    Y[3, 2], Y[2, 2] = value, 0  # a cell that is left out
    assert count(name, Y, np.empty(9, dtype=np.int64))[:3] == (2, 3, kernels.IN_ORDER)


@pytest.mark.parametrize("indices", [[2, 1], [1, 1]])
def test_disorder_is_noticed(indices):
    arrays = np.ones(2), np.array(indices), np.array([0, 2])
    table, overflow = np.zeros((1, 6), dtype=np.uint32), np.empty(9, dtype=np.int64)
    offsets = np.array([0, 2, 4, 6], dtype=np.uint32)
    rows, starts, none = np.array([0]), np.array([0, 1]), np.empty(0)
    result = kernels.count_rows(
        *arrays, none, None, rows, starts, 0, table, offsets, overflow, 0, 0
    )
    assert result == (0, 1, kernels.OUT_OF_ORDER)
    codes = np.zeros(3, dtype=np.int32)
    result = kernels.count_columns(*arrays, none, None, codes, table, offsets, overflow, 0, 0, 1)
    assert result == (0, 1, kernels.OUT_OF_ORDER)
