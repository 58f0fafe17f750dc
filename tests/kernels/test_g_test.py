import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from cellclass.kernels import chi_squared_tail, count_tables, divergences, g_tests
from cellclass.kernels._g_test import pool_values


def pooled(x, codes, n_labels, n_least):
    """Pool the values of a gene from both ends, by the words of the documentation."""
    values = np.unique(x)
    bins = [np.bincount(codes[x == value], minlength=n_labels) for value in values]
    while len(bins) > 1 and bins[0].sum() < n_least:
        bins[:2] = [bins[0] + bins[1]]
    while len(bins) > 1 and min(cells.sum() for cells in bins) < n_least:
        bins[-2:] = [bins[-2] + bins[-1]]
    return np.array(bins).T


def expected(table):
    if table.shape[1] < 2:
        return 0.0, 1.0, 0
    result = chi2_contingency(table, lambda_="log-likelihood", correction=False)
    return result.statistic, result.pvalue, result.dof


@st.composite
def problems(draw):
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    n_labels = draw(st.integers(2, 6))
    n_obs = draw(st.integers(n_labels, 400))
    codes = rng.integers(0, n_labels, n_obs)
    codes[:n_labels] = np.arange(n_labels)
    rates = rng.gamma(0.5, draw(st.sampled_from([0.3, 3, 30, 3000])), (n_labels, 4))
    return rng.poisson(rates[codes]), codes, n_labels


@given(problem=problems())
def test_equals_scipy_on_the_pooled_table(problem):
    X, codes, n_labels = problem
    found = g_tests(count_tables(X, codes, n_labels))
    pvals = chi_squared_tail(found.statistic, found.dof)
    label_pvals = chi_squared_tail(found.label_statistic, found.label_dof)
    for gene, x in enumerate(X.T):
        statistic, pval, dof = expected(pooled(x, codes, n_labels, 5 * n_labels))
        assert found.statistic[gene] == pytest.approx(statistic, abs=1e-9)
        assert found.dof[gene] == dof
        assert pvals[gene] == pytest.approx(pval, rel=1e-8, abs=1e-300)
        for label in range(n_labels):
            table = pooled(x, (codes == label).astype(int), 2, 10)
            statistic, pval, dof = expected(table)
            assert found.label_statistic[label, gene] == pytest.approx(statistic, abs=1e-9)
            assert found.label_dof[label, gene] == dof
            assert label_pvals[label, gene] == pytest.approx(pval, rel=1e-8, abs=1e-300)


@given(
    totals=hnp.arrays(np.int64, st.integers(1, 12), elements=st.integers(1, 40)),
    n_least=st.integers(1, 60),
)
def test_pooling(totals, n_least):
    x = np.repeat(np.arange(totals.size), totals)
    ends = np.empty(totals.size, dtype=np.int64)
    n_bins = pool_values(totals, n_least, ends)
    starts = np.r_[0, ends[: n_bins - 1]]
    assert ends[n_bins - 1] == totals.size
    cells = [totals[start:end].sum() for start, end in zip(starts, ends[:n_bins], strict=True)]
    assert cells == pooled(x, np.zeros(x.size, dtype=int), 1, n_least)[0].tolist()
    assert n_bins == 1 or min(cells) >= n_least


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(rng.gamma(0.4, 3, (1, 60)), (900, 60)), rng.integers(0, 6, 900)


def test_without_pooling_it_is_the_mutual_information(counts):
    X, codes = counts
    X = np.minimum(X, 1)[:, X.astype(bool).sum(axis=0) >= 30]
    X = X[:, (X == 0).sum(axis=0) >= 30]
    tables = count_tables(X, codes, 6)
    information = divergences(tables, weights="frequency")
    np.testing.assert_allclose(information, [mutual_info_score(codes, x) for x in X.T], atol=1e-10)
    np.testing.assert_allclose(g_tests(tables).statistic, 2 * 900 * information, atol=1e-9)


def test_threads_do_not_change_a_bit(counts):
    tables = count_tables(*counts, 6)
    one, several = g_tests(tables), g_tests(tables, n_threads=3)
    for name in ("statistic", "dof", "label_statistic", "label_dof"):
        assert np.array_equal(getattr(one, name), getattr(several, name)), name


def test_labels_without_cells_do_not_count(counts):
    X, codes = counts
    gap, plain = g_tests(count_tables(X, codes * 2, 11)), g_tests(count_tables(X, codes, 6))
    np.testing.assert_allclose(gap.statistic, plain.statistic, atol=1e-10)
    assert np.array_equal(gap.dof, plain.dof)
    assert not gap.label_dof[1::2].any()
    one = g_tests(count_tables(X, np.zeros(900, dtype=int), 2))
    assert not one.dof.any()
    assert not one.label_dof.any()
