"""What is learned comes from the training cells alone, on whatever scale they are."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract import identify_scale
from cellclass.contract._learn import learn_genes, rank_training_genes, training_gene_share

CODES = np.repeat([0, 1], 20)


@pytest.fixture
def counts():
    rng = np.random.default_rng(1)
    rates = np.array([[1.0, 5.0, 2.0, 0.1], [5.0, 1.0, 2.0, 0.1]])
    return rng.poisson(rates[CODES]).astype(np.float64) + np.eye(4)[0]


ROWS = np.r_[0:15, 20:35]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_held_out_cells_change_nothing(counts, kind):
    other = counts.copy()
    other[np.setdiff1d(np.arange(40), ROWS)] *= 7
    scale = identify_scale(counts)
    for learn in (
        lambda X: rank_training_genes(kind(X), scale, CODES, ROWS, n_labels=2)[0],
        lambda X: rank_training_genes(kind(X), scale, CODES, ROWS, n_labels=2)[1],
        lambda X: training_gene_share(kind(X), scale, ROWS),
    ):
        np.testing.assert_array_equal(learn(counts), learn(other))


def test_share_is_the_mean_share_and_sums_to_one(counts):
    share = training_gene_share(counts, identify_scale(counts), ROWS)
    expected = (counts[ROWS] / counts[ROWS].sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(share, expected)
    assert share.sum() == pytest.approx(1)


def test_empty_cells_have_no_share():
    X = np.array([[0.0, 0.0], [1.0, 3.0]])
    share = training_gene_share(X, identify_scale(X), np.array([0, 1]))
    np.testing.assert_allclose(share, [0.25, 0.75])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("log", [False, True])
def test_ranking_of_normalised_values_finds_the_same_genes(counts, kind, log):
    raw = set(rank_training_genes(counts, identify_scale(counts), CODES, ROWS, n_labels=2)[0][:2])
    X = counts / counts.sum(axis=1, keepdims=True) * 1e4
    X = kind(np.log1p(X) if log else X)
    scale = identify_scale(X)
    assert scale.name == ("log1p" if log else "normalized")
    order, divergence, _ = rank_training_genes(X, scale, CODES, ROWS, n_labels=2)
    assert set(order[:2]) == raw == {0, 1}
    assert divergence.min() >= 0
    assert (divergence[order] > 0).all()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize(
    "transform", [np.log1p, np.sqrt, lambda x: np.log2(1 + x), lambda x: x + 0.25]
)
def test_scales_that_give_counts_are_ranked_as_counts(counts, kind, transform):
    X = kind(transform(counts))
    scale = identify_scale(X)
    assert scale.of_counts
    expected = rank_training_genes(counts, identify_scale(counts), CODES, ROWS, n_labels=2)
    found = rank_training_genes(X, scale, CODES, ROWS, n_labels=2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(
        training_gene_share(X, scale, ROWS),
        training_gene_share(counts, identify_scale(counts), ROWS),
    )


def test_fractions_are_rounded(counts):
    X = np.where(counts > 0, counts + 0.03 * np.arange(1, 5), 0)
    scale = replace(identify_scale(counts), of_counts=False, share_whole=0.1)
    assert str(scale) == "counts with fractions"
    expected = rank_training_genes(counts, identify_scale(counts), CODES, ROWS, n_labels=2)
    found = rank_training_genes(X, scale, CODES, ROWS, n_labels=2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def panels(n_top_genes, parts, seed=0):
    """Genes of three networks, of 60 cells and 30 genes, of which some tell labels apart."""
    rng = np.random.default_rng(seed)
    codes = np.arange(60) % 3
    X = rng.poisson(rng.gamma(1, 2, (3, 30))[codes]).astype(np.float64)
    X[:3] = 0
    scale = identify_scale(X)
    found = learn_genes([(X, scale)], codes, parts, n_labels=3, n_top_genes=n_top_genes)
    own = [rank_training_genes(X, scale, codes, rows, n_labels=3) for rows in parts]
    return found, own


@pytest.mark.parametrize("n_top_genes", [2, 7, 15, None])
def test_each_network_reads_its_own_best_genes(n_top_genes):
    parts = [np.flatnonzero(np.arange(60) % 4 != k) for k in range(3)]
    found, own = panels(n_top_genes, parts)
    n_each = found.of_parts.shape[1]
    assert len(found.selected) <= max(n_top_genes or 30, 3)
    for genes, (order, _, _) in zip(found.of_parts, own, strict=True):
        np.testing.assert_array_equal(found.selected[genes], order[:n_each])
    np.testing.assert_array_equal(np.unique(found.of_parts), np.arange(len(found.selected)))
    expected = np.mean([divergence for _, divergence, _ in own], axis=0)[found.selected]
    np.testing.assert_allclose(found.importance, expected)


def test_one_network_reads_them_in_order():
    found, ((order, divergence, depth),) = panels(9, [np.arange(60)])
    np.testing.assert_array_equal(found.selected, order[:9])
    np.testing.assert_array_equal(found.importance, divergence[order[:9]])
    np.testing.assert_array_equal(found.of_parts, np.arange(9)[None])
    assert found.depth == depth


def test_a_network_without_a_ranking_takes_that_of_all():
    parts = [np.arange(60), np.arange(3)]  # three empty cells tell nothing
    found, own = panels(6, parts)
    assert own[1][0].size == 0
    np.testing.assert_array_equal(*found.selected[found.of_parts])


@pytest.mark.parametrize("dtype", [">f4", "float16"])
def test_types_that_scipy_does_not_know_are_ranked(counts, dtype):
    normalised = counts / counts.sum(axis=1, keepdims=True) * 1e4
    scale = identify_scale(normalised)
    given = normalised.astype(dtype)
    found = [
        rank_training_genes(X, scale, CODES, ROWS, n_labels=2)[0]
        for X in (given, given.astype(np.float32))
    ]
    np.testing.assert_array_equal(*found)
