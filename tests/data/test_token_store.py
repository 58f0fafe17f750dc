"""Tokens of many cells: the same from memory and from files, in minibatches of like length."""

import numpy as np
import pytest

from cellclass.data import TokenStore


def cells(n=50, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        length = rng.integers(0, 30)
        yield rng.permutation(40)[:length], rng.random(length).astype(np.float32)


@pytest.fixture(params=["memory", "files"])
def store(request, tmp_path):
    return TokenStore(cells(), None if request.param == "memory" else tmp_path / "tokens")


def test_cells_are_what_they_were(store):
    assert len(store) == 50
    genes, values, mask = store.read(np.arange(50))
    for row, (own_genes, own_values) in enumerate(cells()):
        assert mask[row].sum() == len(own_genes) == store.lengths[row]
        np.testing.assert_array_equal(genes[row, mask[row]], own_genes)
        np.testing.assert_array_equal(values[row, mask[row]], own_values)
    assert (values[~mask] == 0).all()


def test_any_cells_in_any_order(store):
    some = np.array([7, 3, 3])
    genes, _, mask = store.read(some)
    assert genes.shape == (3, max(1, store.lengths[some].max()))
    assert mask.sum(dim=1).tolist() == store.lengths[some].tolist()


def test_the_same_whatever_holds_them(tmp_path):
    in_memory, in_files = TokenStore(cells()), TokenStore(cells(), tmp_path)
    assert in_memory.fingerprint() == in_files.fingerprint()
    assert in_memory.fingerprint() != TokenStore(cells(seed=1)).fingerprint()
    sizes = sorted(path.stat().st_size for path in tmp_path.iterdir())
    assert sizes == [4 * in_memory.lengths.sum()] * 2


def test_older_files_are_replaced(tmp_path):
    TokenStore(cells(80), tmp_path)
    store = TokenStore(cells(5, seed=3), tmp_path)
    assert len(store) == 5
    assert store.fingerprint() == TokenStore(cells(5, seed=3)).fingerprint()


def test_every_cell_is_in_one_minibatch_among_cells_of_like_length(store):
    some = np.arange(2, 50)
    batches = list(store.minibatches(some, 6, np.random.default_rng(0)))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), some)
    assert max(map(len, batches)) == 6
    assert all(np.ptp(store.lengths[batch]) <= 8 for batch in batches)
    again = list(store.minibatches(some, 6, np.random.default_rng(0)))
    other = list(store.minibatches(some, 6, np.random.default_rng(1)))
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
    assert any((a != b).any() for a, b in zip(batches, other, strict=True))
    in_order = np.concatenate(list(store.minibatches(some, 6, None)))
    np.testing.assert_array_equal(in_order, some)


def test_cells_without_tokens(tmp_path):
    for folder in (None, tmp_path):
        nothing = [(np.empty(0, np.int64), np.empty(0, np.float32))] * 3
        store = TokenStore(nothing, folder)
        genes, _, mask = store.read(np.arange(3))
        assert genes.shape == (3, 1)
        assert not mask.any()
