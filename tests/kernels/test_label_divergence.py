import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.stats import entropy

from cellclass.kernels import count_divergence, count_tables, label_divergences

FIELDS = ("divergence", "mean", "mean_rest", "detected", "detected_rest", "n_values")
KINDS = (np.asfortranarray, sparse.csr_array, sparse.csc_array, sparse.coo_matrix)


@st.composite
def problems(draw):
    n_obs, n_vars = draw(st.integers(2, 40)), draw(st.integers(1, 4))
    values = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 2**24 - 1))
    X = draw(hnp.arrays(np.int64, (n_obs, n_vars), elements=values))
    n_labels = draw(st.integers(1, min(5, n_obs)))
    codes = draw(hnp.arrays(np.int64, n_obs, elements=st.integers(-1, n_labels - 1)))
    codes[:n_labels] = np.arange(n_labels)
    dtype = draw(st.sampled_from(["int32", "uint64", "float32", "float64"]))
    return X.astype(dtype), codes, n_labels


def reference(x, inside, outside):
    """Compute the divergence of two groups of cells from the definition."""
    _, values = np.unique(x, return_inverse=True)
    p, q = (np.bincount(values[group], minlength=values.max() + 1) for group in (inside, outside))
    p, q = p / p.sum(), q / q.sum()
    divergence = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    return divergence if x[inside].mean() >= x[outside].mean() else -divergence


@given(problem=problems())
def test_equals_the_definition_in_every_array_kind(problem):
    X, codes, n_labels = problem
    found = label_divergences(count_tables(X, codes, n_labels))
    used = codes >= 0
    for label in range(n_labels):
        inside, outside = used & (codes == label), used & (codes != label)
        if not outside.any():
            assert not found.divergence[label].any()
            continue
        x = X.astype(np.float64)
        for gene in range(X.shape[1]):
            divergence = found.divergence[label, gene]
            expected = reference(x[:, gene], inside, outside)
            assert abs(divergence) == pytest.approx(abs(expected), abs=1e-10)
            means = x[inside, gene].mean(), x[outside, gene].mean()
            if not np.isclose(*means, rtol=1e-12):
                assert divergence == pytest.approx(expected, abs=1e-10)
            assert found.mean[label, gene] == pytest.approx(means[0], rel=1e-12)
            assert found.mean_rest[label, gene] == pytest.approx(means[1], rel=1e-12)
            shares = (x[inside, gene] > 0).mean(), (x[outside, gene] > 0).mean()
            assert found.detected[label, gene] == pytest.approx(shares[0], abs=1e-12)
            assert found.detected_rest[label, gene] == pytest.approx(shares[1], abs=1e-12)
    assert found.n_values.tolist() == [np.unique(x).size for x in X[used].T]
    for kind in KINDS:
        other = label_divergences(count_tables(kind(X), codes, n_labels))
        for name in FIELDS:
            assert np.array_equal(getattr(other, name), getattr(found, name)), (kind, name)


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.gamma(0.4, 3, (1, 60)), (900, 60))
    X[rng.random(X.shape) < 0.01] = 100_000
    return X, rng.integers(0, 6, 900)


@pytest.mark.parametrize("n_threads", [2, 7, None])
def test_threads_do_not_change_a_bit(counts, n_threads):
    tables = count_tables(*counts, 6)
    one, several = label_divergences(tables), label_divergences(tables, n_threads=n_threads)
    for name in FIELDS:
        assert np.array_equal(getattr(one, name), getattr(several, name)), name


def test_two_labels_mirror_each_other_and_the_overall_divergence(counts):
    X, codes = counts
    codes = codes % 2
    found = label_divergences(count_tables(X, codes, 2)).divergence
    np.testing.assert_allclose(np.abs(found[0]), np.abs(found[1]), atol=1e-14)
    np.testing.assert_allclose(np.abs(found[0]), count_divergence(X, codes, 2), atol=1e-14)


def test_bounds():
    codes = np.repeat(np.arange(3), 10)
    X = np.column_stack([codes == 0, codes != 0, np.ones(30), np.zeros(30)]).astype(int)
    found = label_divergences(count_tables(X, codes, 3)).divergence
    assert found[0, :2] == pytest.approx([np.log(2), -np.log(2)])
    assert not found[:, 2:].any()


def test_label_without_cells(counts):
    X, codes = counts
    with_gap = np.where(codes >= 2, codes + 1, codes)
    gap = label_divergences(count_tables(X, with_gap, 7))
    plain = label_divergences(count_tables(X, codes, 6))
    assert not gap.divergence[2].any()
    assert np.array_equal(np.delete(gap.divergence, 2, axis=0), plain.divergence)


def test_values_of_bins(counts):
    X, codes = counts
    X = np.minimum(X, 9)
    doubled = label_divergences(count_tables(2 * X, codes, 6))
    found = label_divergences(count_tables(X, codes, 6), bin_values=2.0 * np.arange(10))
    for name in FIELDS:
        assert np.array_equal(getattr(found, name), getattr(doubled, name)), name
