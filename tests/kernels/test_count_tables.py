import sys

import numpy as np
import pytest
from scipy import sparse

from cellclass.errors import ValuesError
from cellclass.kernels import _counter as module
from cellclass.kernels._count_entries import GENE_SHIFT, LABEL_BITS, LABEL_MASK
from cellclass.kernels._count_tables import count_tables

KINDS = [np.ascontiguousarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array]


@pytest.fixture(params=KINDS, ids=["C", "F", "csr", "csc"])
def kind(request):
    return request.param


def histogram(tables, gene, label):
    """Put table and overflow of one gene and label together, without the zeros."""
    start, stop = tables.offsets[gene : gene + 2].astype(int)
    cells = dict(enumerate(tables.table[label, start + 1 : stop].tolist(), start=1))
    for key in tables.overflow.tolist():
        if key >> GENE_SHIFT == gene and key & LABEL_MASK == label:
            value = key >> LABEL_BITS & 2**24 - 1
            cells[value] = cells.get(value, 0) + 1
    return {value: n for value, n in cells.items() if n}


def check(tables, X, codes, n_labels):
    for gene in range(X.shape[1]):
        for label in range(n_labels):
            values, n = np.unique(X[codes == label, gene], return_counts=True)
            expected = {int(v): int(m) for v, m in zip(values, n, strict=True) if v}
            assert histogram(tables, gene, label) == expected
    assert tables.n_cells.tolist() == [int((codes == k).sum()) for k in range(n_labels)]
    assert (np.diff(tables.overflow) >= 0).all()


def counts(rng, n_obs=700, n_vars=11):
    X = rng.poisson(rng.gamma(0.3, 4, n_vars), (n_obs, n_vars))
    X[rng.random(X.shape) < 0.004] = 5000
    return X


def test_tables_are_exact(kind):
    rng = np.random.default_rng(0)
    X, codes = counts(rng), rng.integers(-1, 4, 700)
    tables = count_tables(kind(X), codes, 4)
    assert 0 < tables.overflow.size < 100
    check(tables, X, codes, 4)


def test_deep_counts_make_the_overflow_grow(kind):
    rng = np.random.default_rng(1)
    X, codes = rng.integers(0, 2**24, (600, 3)), rng.integers(0, 2, 600)
    tables = count_tables(kind(X), codes, 2)
    assert tables.overflow.size > 1024 + X.size // 128
    assert tables.table.nbytes <= 4 * X.size
    check(tables, X, codes, 2)


def test_fewer_slots_send_more_to_the_overflow(kind, monkeypatch):
    rng = np.random.default_rng(2)
    X, codes = counts(rng), rng.integers(0, 3, 700)
    roomy = count_tables(kind(X), codes, 3)
    monkeypatch.setattr(module, "plan_slots", lambda *_: np.arange(12, dtype=np.uint32))
    narrow = count_tables(kind(X), codes, 3)
    assert narrow.overflow.size == np.count_nonzero(X) > roomy.overflow.size
    check(narrow, X, codes, 3)


@pytest.mark.parametrize("order", ["C", "F"])
def test_dense_goes_block_by_block(monkeypatch, order):
    rng = np.random.default_rng(3)
    X, codes = counts(rng), rng.integers(0, 3, 700)
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    check(count_tables(np.asarray(X, order=order), codes, 3), X, codes, 3)


@pytest.mark.parametrize("shape", [(4, 0), (1, 3), (5, 1)])
def test_small_shapes(kind, shape):
    X, codes = np.ones(shape, dtype=int), np.zeros(shape[0], dtype=int)
    check(count_tables(kind(X), codes, 1), X, codes, 1)


def test_bad_value_in_a_later_block(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 8)
    X = np.ones((9, 2))
    X[4, 1] = 0.5
    with pytest.raises(
        ValuesError, match=r"1 fractional value: the first is 0.5 in gene 1, cell 4"
    ):
        count_tables(X, np.zeros(9, dtype=int), 1)


def test_too_many_labels():
    with pytest.raises(ValueError, match=r"16385 labels .* at most 16384 labels"):
        count_tables(np.ones((1, 1)), np.zeros(1, dtype=int), 16385)


def test_table_stays_small():
    rng = np.random.default_rng(4)
    X = sparse.random(4000, 2000, 0.1, "csr", dtype=np.float32, random_state=rng)
    X.data = rng.geometric(0.6, X.nnz).astype(np.float32)
    tables = count_tables(X, rng.integers(0, 10, 4000), 10)
    assert tables.table.nbytes + tables.overflow.nbytes < 0.15 * (X.data.nbytes + X.indices.nbytes)


def test_tables_tell_how_large_they_are():
    tables = count_tables(np.arange(12).reshape(4, 3), np.array([0, 1, 0, 1]), 2)
    arrays = (tables.table, tables.offsets, tables.overflow, tables.n_cells)
    n_bytes = sum(array.nbytes for array in arrays)
    assert n_bytes < sys.getsizeof(tables) < n_bytes + 500
