import numpy as np
import pytest
from scipy import sparse

from cellclass.kernels._array_kinds import as_array_kind
from cellclass.kernels._bins import EXACT, BinRule
from cellclass.kernels._slots import SAMPLED_CELLS, plan_slots

KINDS = [np.ascontiguousarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array]


@pytest.fixture(params=KINDS, ids=["C", "F", "csr", "csc"])
def kind(request):
    return request.param


def slots(X, cells, n_labels):
    rule = BinRule(EXACT, 0, np.empty(0), np.empty((0, 0), dtype=np.int32))
    offsets = plan_slots(as_array_kind(X), cells, n_labels, rule, np.empty(0), cells.size)
    assert offsets.dtype == np.uint32
    assert offsets[0] == 0
    return np.diff(offsets.astype(int)).tolist()


def test_half_as_much_again_as_the_largest_value(kind):
    X = np.tile([1.0, 10.0, 0.0, 7.0], (200, 1))
    assert slots(kind(X), np.arange(200), 2) == [3, 17, 2, 12]


def test_no_more_slots_than_entries_per_label(kind):
    X = np.zeros((200, 3), dtype=np.int32)
    X[:, 0] = X[:50, 1] = X[0, 2] = 1000
    assert slots(kind(X), np.arange(200), 10) == [20, 5, 2]


def test_sample_is_small_and_spread(kind):
    X = np.zeros((SAMPLED_CELLS * 40, 2), dtype=np.float32)
    X[:, 0] = 2
    X[len(X) // 2 :, 1] = 6
    assert slots(kind(X), np.arange(len(X)), 2) == [5, 11]


@pytest.mark.filterwarnings("error")
def test_values_that_are_no_counts_do_not_break_the_plan(kind):
    X = np.array([[np.nan, np.inf, -np.inf, -5, 1e30, 0.5]] * 9)
    assert all(2 <= n <= 9 for n in slots(kind(X), np.arange(9), 1))


def test_no_genes(kind):
    assert slots(kind(np.zeros((3, 0))), np.arange(3), 2) == []
