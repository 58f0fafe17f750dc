from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from cellclass.errors import ValuesError
from cellclass.kernels import CountTables, count_tables, depth_factors
from cellclass.kernels._count_tables import count_tables as in_one
from cellclass.kernels._counter import Counter, plan_counts

KINDS = [np.ascontiguousarray, np.asfortranarray, sparse.csr_array, sparse.csc_matrix]


def log2_bins(X, parts):
    """Compute them from the definition: octaves in equal parts, exact below 2 * parts."""
    octave = np.floor(np.log2(np.maximum(X, 1)))
    first = np.log2(parts)
    part = np.floor(X / 2.0 ** (octave - first)) - parts
    return np.where(2 * parts > X, X, (octave - first) * parts + parts + part)


def width_bins(X, n):
    top = np.where(X.max(axis=0) > 0, X.max(axis=0), 1)
    return np.where(X == 0, 0, 1 + np.minimum(np.floor(X * (n / top)), n - 1))


def check(tables, B, codes):
    for gene in range(B.shape[1]):
        expected = {}
        for label in range(tables.n_labels):
            for value, n in zip(
                *np.unique(B[codes == label, gene], return_counts=True), strict=True
            ):
                expected.setdefault(int(value), [0] * tables.n_labels)[label] = int(n)
        expected.setdefault(0, [0] * tables.n_labels)
        bins, counts = tables.of_gene(gene)
        assert dict(zip(bins.tolist(), counts.tolist(), strict=True)) == expected
        assert (np.diff(bins) > 0).all()


def equal(one, other):
    assert one.n_cells.tolist() == other.n_cells.tolist()
    for gene in range(other.n_vars):
        for a, b in zip(one.of_gene(gene), other.of_gene(gene), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.gamma(0.4, 10, 12), (600, 12)).astype(np.float32)
    X[rng.random(X.shape) < 0.01] = 40_000
    return X, rng.integers(-1, 3, 600)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n_threads=st.sampled_from([1, 2, 7]),
    kind=st.sampled_from(KINDS),
    cuts=st.lists(st.integers(0, 80), max_size=3),
    bins=st.sampled_from([None, "log2", 5, ("quantile", 3)]),
    normalize=st.booleans(),
)
def test_threads_and_parts_change_nothing(seed, n_threads, kind, cuts, bins, normalize):
    rng = np.random.default_rng(seed)
    X = rng.poisson(rng.gamma(0.3, 6, 6), (80, 6)).astype(np.float32)
    X[rng.random(X.shape) < 0.02] = rng.integers(50, 10**6)
    codes = rng.integers(-1, 3, 80)
    factors = depth_factors(X, codes) if normalize else None
    expected = count_tables(X, codes, 3, bins=bins, factors=factors, n_threads=1)
    equal(
        count_tables(kind(X), codes, 3, bins=bins, factors=factors, n_threads=n_threads), expected
    )
    if not isinstance(bins, int | tuple):  # whose bins depend on the whole
        bounds = [0, *sorted(cuts), 80]
        parts = [
            count_tables(
                kind(X[a:b]),
                codes[a:b],
                3,
                bins=bins,
                factors=None if factors is None else factors[a:b],
            )
            for a, b in pairwise(bounds)
        ]
        equal(CountTables.merged(parts), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parts", [1, 2, 8])
def test_octaves(counts, kind, parts):
    X, codes = counts
    tables = count_tables(kind(X), codes, 3, bins=("log2", parts))
    check(tables, log2_bins(X.astype(float), parts), codes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log", [False, True])
def test_equal_width(counts, kind, log):
    X, codes = counts
    X = np.log1p(X) if log else X
    used = np.where((codes >= 0)[:, None], X, 0).astype(float)
    check(count_tables(kind(X), codes, 3, bins=7), width_bins(used, 7), codes)


@pytest.mark.parametrize("kind", KINDS)
def test_quantiles_hold_about_as_many_cells(kind):
    rng = np.random.default_rng(1)
    X = np.where(rng.random((4000, 3)) < 0.5, rng.lognormal(0, 1, (4000, 3)), 0)
    tables = count_tables(kind(X), np.zeros(4000, dtype=int), 1, bins=("quantile", 4))
    for gene in range(3):
        bins, n = tables.of_gene(gene)
        assert bins.tolist() == [0, 1, 2, 3, 4]
        assert n[0, 0] == (X[:, gene] == 0).sum()
        np.testing.assert_allclose(n[1:, 0] / n[1:].sum(), 0.25, atol=0.03)


def test_quantiles_of_small_counts_are_exact():
    X = np.repeat([0, 1, 2, 3, 9], [40, 50, 25, 15, 10])[:, None]
    bins, n = count_tables(X, np.zeros(140, dtype=int), 1, bins=("quantile", 2)).of_gene(0)
    assert (bins.tolist(), n[:, 0].tolist()) == ([0, 1, 2], [40, 50, 50])


@pytest.mark.parametrize("kind", KINDS)
def test_factors_scale_and_round(counts, kind):
    X, codes = counts
    factors = depth_factors(kind(X), codes)
    depth = X.sum(axis=1)
    np.testing.assert_allclose(factors, np.median(depth[codes >= 0]) / depth)
    check(count_tables(kind(X), codes, 3, factors=factors), np.rint(X * factors[:, None]), codes)


def test_depth_factors_of_empty_cells():
    X = np.array([[0, 0], [1, 1], [4, 4], [9, 9]])
    assert depth_factors(X, np.array([0, 0, 1, -1])).tolist() == [1.0, 2.5, 0.625, 5 / 18]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 2.0**24])
@pytest.mark.parametrize("bins", [None, "log2", 4, ("quantile", 4)])
def test_bad_values_have_no_bin(kind, value, bins):
    X = np.ones((6, 3))
    X[4, 1] = value
    with pytest.raises(ValuesError, match="in gene 1, cell 4"):
        count_tables(kind(X), np.zeros(6, dtype=int), 1, bins=bins)
    X[4, 1], X[5, 1] = 0, value
    codes = np.array([0, 0, 0, 0, 0, -1])
    assert count_tables(kind(X), codes, 1, bins=bins).of_gene(1)[1].sum() == 5


def test_fractions_need_bins_that_take_them():
    X, codes = np.array([[0.5], [1.0]]), np.zeros(2, dtype=int)
    for bins, factors in ((None, None), ("log2", None), (3, np.ones(2))):
        with pytest.raises(ValuesError, match=r"0\.5 in gene 0, cell 0"):
            count_tables(X, codes, 1, bins=bins, factors=factors)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ("log10", "bins='log10' is none of"),
        (2.5, "bins=2.5 is none of"),
        (True, "bins=True is none of"),
        (("width", 3), "is none of"),
        (0, "bins=0: the number of bins is outside 1 to 1024"),
        (("quantile", 9999), "outside 1 to 1024"),
        (("log2", 3), "a power of two"),
    ],
)
def test_bins_that_make_no_sense(bins, message):
    with pytest.raises(ValueError, match=message):
        count_tables(np.ones((2, 2)), np.zeros(2, dtype=int), 1, bins=bins)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"factors": [1.0]}, r"factors has shape \(1,\); one per cell is \(2,\)"),
        ({"factors": [1.0, 0.0]}, "not positive and finite"),
        ({"n_threads": 0}, "n_threads=0 is not a number of threads"),
    ],
)
def test_other_arguments_that_make_no_sense(given, message):
    with pytest.raises(ValueError, match=message):
        count_tables(np.ones((2, 2)), np.zeros(2, dtype=int), 1, **given)


def test_duplicates_in_a_later_part():
    data, indices, indptr = np.ones(4), np.array([0, 0, 1, 0]), np.array([0, 2, 4])
    X, codes = sparse.csr_array((data, indices, indptr), shape=(2, 2)), np.zeros(2, dtype=int)
    whole = in_one(np.vstack([X.toarray()] * 2), np.zeros(4, dtype=int), 1)
    rule = plan_counts(X, codes, 1, rule=count_rule()).rule
    counter = Counter(plan_counts(X, codes, 1, rule=rule))
    counter.add(X, codes)
    counter.add(X, codes)
    equal(counter.result(), whole)


def count_rule():
    from cellclass.kernels import bin_rule

    return bin_rule(None, lambda *_: None)


def test_blocks_of_genes_side_by_side(counts):
    X, codes = counts
    parts = [
        count_tables(X[:, part], codes, 3) for part in (slice(0, 5), slice(5, 6), slice(6, 12))
    ]
    equal(CountTables.side_by_side(parts), count_tables(X, codes, 3))


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
def test_octaves_of_known_counts(kind):
    values = [0, 1, 2, 3, 4, 7, 8, 1023, 1024]
    X = kind(np.array([values], dtype=np.float32))
    tables = count_tables(X, np.zeros(1, dtype=int), 1, bins="log2")
    binned = [int(np.dot(*tables.of_gene(gene)).item()) for gene in range(len(values))]
    assert binned == [0, 1, 2, 2, 3, 3, 4, 10, 11]
