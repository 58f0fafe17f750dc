import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import entropy

from cellclass.kernels import greedy_correlation, greedy_information, pack_codes
from cellclass.kernels._redundancy import _count_bits


def information(values, codes, shares):
    """Information of values about the label, from its definition."""
    _, values = np.unique(values, axis=0, return_inverse=True)
    p = np.array(
        [
            np.bincount(values[codes == k], minlength=values.max() + 1) / (codes == k).sum()
            for k in range(shares.size)
        ]
    )
    return entropy(shares @ p) - sum(w * entropy(q) for w, q in zip(shares, p, strict=True))


def scores_given(X, codes, shares, chosen, *, mean):
    """Score of every gene after `chosen`, gene by gene."""
    result = np.empty(X.shape[1])
    for gene, x in enumerate(X.T):
        given_each = [
            information(np.c_[x, X[:, w]], codes, shares) - information(X[:, w], codes, shares)
            for w in chosen
        ]
        alone = information(x, codes, shares)
        result[gene] = np.mean(given_each) if mean and chosen else min([alone, *given_each])
    return result


@st.composite
def cells(draw, *, largest=40):
    n_labels = draw(st.integers(2, 4))
    n_genes = draw(st.integers(1, 6))
    sizes = draw(st.lists(st.integers(1, largest), min_size=n_labels, max_size=n_labels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    codes = rng.permutation(np.repeat(np.arange(n_labels), sizes))
    rates = rng.gamma(0.7, 1.5, (n_labels, n_genes))
    X = rng.poisson(rates[codes]).astype(draw(st.sampled_from(["int32", "float32", "float64"])))
    if n_genes > 2:
        X[:, -1] = X[:, 0]
    return X, codes


def pack(X, codes, n_labels, thresholds=(1, 2)):
    thresholds = np.tile(np.array(thresholds, dtype=np.float64), (X.shape[1], 1))
    return pack_codes(sparse.csc_array(X), codes, n_labels, thresholds)


@given(cells(largest=200), st.booleans())
def test_planes_hold_the_codes(data, some_unlabelled):
    X, codes = data
    n_labels = codes.max() + 1
    if some_unlabelled:
        spare = np.flatnonzero(np.bincount(codes)[codes] > 1)[:1]
        codes[spare] = -1
    packed = pack(X, codes, n_labels)
    assert packed.n_cells.tolist() == np.bincount(codes[codes >= 0], minlength=n_labels).tolist()
    assert packed.planes.shape == (X.shape[1], 2, packed.bounds[-1])
    for plane, threshold in enumerate((1, 2)):
        for label in range(n_labels):
            words = packed.planes[:, plane, packed.bounds[label] : packed.bounds[label + 1]]
            bits = np.unpackbits(words.copy().view(np.uint8), axis=1, bitorder="little")
            expected = (X[codes == label] >= threshold).T
            np.testing.assert_array_equal(bits[:, : packed.n_cells[label]], expected)
            assert not bits[:, packed.n_cells[label] :].any()
            np.testing.assert_array_equal(packed.totals[:, plane, label], expected.sum(axis=1))


@given(cells(), st.booleans(), st.booleans())
def test_information_equals_the_definition(data, mean, uniform):
    X, codes = data
    n_labels, n_genes = codes.max() + 1, X.shape[1]
    shares = np.full(n_labels, 1 / n_labels) if uniform else np.bincount(codes) / codes.size
    order, scores = greedy_information(pack(X, codes, n_labels), shares, n_genes, mean=mean)
    assert sorted(order) == list(range(n_genes))
    ternary = np.minimum(X, 2).astype(np.int64)
    for step in range(n_genes):
        expected = scores_given(ternary, codes, shares, order[:step].tolist(), mean=mean)
        assert scores[step] == pytest.approx(expected[order[step]], abs=1e-12)
        assert scores[step] >= expected[order[step:]].max() - 1e-12


@given(cells(), st.booleans())
def test_fewer_genes_are_the_first_of_more(data, mean):
    X, codes = data
    packed = pack(X, codes, codes.max() + 1)
    shares = np.bincount(codes) / codes.size
    order, scores = greedy_information(packed, shares, X.shape[1], mean=mean)
    few = greedy_information(packed, shares, (X.shape[1] + 1) // 2, mean=mean)
    np.testing.assert_array_equal(few[0], order[: few[0].size])
    np.testing.assert_array_equal(few[1], scores[: few[0].size])


def test_thresholds_are_of_each_gene():
    X = np.array([[3, 3], [9, 9], [10, 10], [0, 0]])
    packed = pack_codes(
        sparse.csc_array(X), np.array([0, 0, 1, 1]), 2, np.array([[1.0, 2.0], [9.0, 10.0]])
    )
    assert packed.totals.tolist() == [[[2, 1], [2, 1]], [[1, 1], [0, 1]]]


@pytest.mark.parametrize("mean", [True, False])
def test_a_copy_of_a_gene_tells_nothing_more(mean):
    rng = np.random.default_rng(0)
    codes = np.arange(300) % 3
    X = rng.poisson(np.array([[3, 0.2, 0.5], [0.2, 1, 0.5], [0.2, 0.2, 2]])[codes])
    X = np.c_[X[:, [0, 0, 0]], X]
    order, scores = greedy_information(pack(X, codes, 3), np.full(3, 1 / 3), 6, mean=mean)
    assert order[0] == 0
    assert order[1] in {4, 5}
    if not mean:  # a copy is worth nothing; in a mean the other genes count as well
        assert set(order[1:3]) == {4, 5}
        assert scores[3:] == pytest.approx(np.zeros(3), abs=1e-12)


@given(cells(), st.booleans())
def test_correlation_equals_numpy(data, quotient):
    X, _ = data
    X = np.log1p(X.astype(np.float64))
    n_genes = X.shape[1]
    relevance = np.random.default_rng(0).random(n_genes)
    order, scores = greedy_correlation(sparse.csc_array(X), relevance, n_genes, quotient=quotient)
    assert sorted(order) == list(range(n_genes))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.abs(np.nan_to_num(np.corrcoef(X.T).reshape(n_genes, n_genes)))
    r[X.std(axis=0) < 1e-12] = 1
    for step in range(n_genes):
        expected = relevance
        if step:
            mean = r[:, order[:step]].mean(axis=1)
            expected = relevance / np.maximum(mean, 1e-3) if quotient else relevance - mean
        assert scores[step] == pytest.approx(expected[order[step]], rel=1e-9, abs=1e-12)
        best = expected[order[step:]].max()
        assert scores[step] >= best - 1e-9 * max(1, abs(best))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_bits_are_counted(words):
    for word in words:
        assert _count_bits(np.uint64(word)) == word.bit_count()
