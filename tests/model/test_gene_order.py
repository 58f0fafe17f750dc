"""Orders of genes: what is correlated stands together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellclass.model import _gene_order
from cellclass.model._gene_order import ORDERS, order_genes


@given(
    X=arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 9)),
        elements=st.floats(0, 9, width=32),
    ),
    how=st.sampled_from(ORDERS),
    seed=st.integers(0, 9),
)
def test_every_gene_once_whatever_the_cells(X, how, seed):
    before = X.copy()
    selected = np.random.default_rng(seed).permutation(X.shape[1] + 3)[: X.shape[1]]
    order = order_genes(how, X, selected, seed=seed)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(X.shape[1]))
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(order, order_genes(how, X, selected, seed=seed))


def test_correlated_genes_stand_together():
    rng = np.random.default_rng(0)
    programmes = rng.gamma(2, 1, size=(200, 3))
    of = np.arange(30) % 3
    X = (programmes[:, of] + rng.normal(0, 0.3, size=(200, 30))).astype(np.float32)
    order = order_genes("correlation", X, np.arange(30), seed=0)
    assert (np.diff(of[order]) != 0).sum() == 2


def test_the_other_orders():
    X, selected = np.ones((2, 4), dtype=np.float32), np.array([7, 1, 9, 3])
    assert order_genes("js", X, selected, seed=0).tolist() == [0, 1, 2, 3]
    assert selected[order_genes("reference", X, selected, seed=0)].tolist() == [1, 3, 7, 9]
    many = np.arange(99)
    found = [order_genes("random", X, many, seed=seed).tolist() for seed in (0, 1)]
    assert found[0] != found[1]


def test_too_many_genes_to_correlate(monkeypatch):
    monkeypatch.setattr(_gene_order, "_MOST_CORRELATED", 3)
    X = np.ones((2, 4), dtype=np.float32)
    with pytest.raises(ValueError, match=r"there are 4 genes; 3 are the most.*n_top_genes"):
        order_genes("correlation", X, np.arange(4), seed=0)
