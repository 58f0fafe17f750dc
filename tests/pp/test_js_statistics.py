import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency, false_discovery_control
from sklearn.metrics import mutual_info_score

from cellclass.kernels import count_tables, divergences, label_divergences, split_tables
from cellclass.pp._js_statistics import (
    adjusted_pvalues,
    g_test_pvalues,
    label_scores,
    overall_divergence,
)


@pytest.mark.parametrize("shape", [(50,), (4, 30), (3, 1)])
def test_adjustment_equals_scipy(shape):
    rng = np.random.default_rng(0)
    pvals = np.round(rng.random(shape) ** 3, 2)
    tested = rng.random(shape) < 0.7
    result = adjusted_pvalues(pvals, tested)
    rows = zip(np.atleast_2d(pvals), np.atleast_2d(tested), np.atleast_2d(result), strict=True)
    for p, used, adjusted in rows:
        np.testing.assert_allclose(adjusted[used], false_discovery_control(p[used]), rtol=1e-12)
        assert (adjusted[~used] == 1).all()


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    batches = rng.integers(0, 3, 900)
    codes = rng.integers(0, 4, 900)
    codes[(batches == 1) & (codes == 2)] = 0  # a batch without label 2
    batches = np.r_[batches, np.full(50, 3)]  # and one with label 0 only
    codes = np.r_[codes, np.zeros(50, dtype=int)]
    X = rng.poisson(rng.gamma(1, 1, (4, 12))[codes] * rng.gamma(3, 0.5, (4, 12))[batches])
    return X, codes, batches


@pytest.fixture
def parts(cells):
    X, codes, batches = cells
    return split_tables(count_tables(X, batches * 4 + codes, 16), 4)


def test_frequency_weights_give_the_conditional_mutual_information(cells, parts):
    X, codes, batches = cells
    expected = np.zeros(12)
    for batch in range(3):
        inside = batches == batch
        information = [mutual_info_score(codes[inside], x) for x in X[inside].T]
        expected += inside.sum() / 900 * np.array(information)
    np.testing.assert_allclose(overall_divergence(parts, "frequency"), expected, atol=1e-10)


def test_weights_sum_to_one_in_each_batch(parts):
    own = np.array([0.4, 0.3, 0.2, 0.1])
    for weights, of_part in (("uniform", np.full(4, 0.25)), (own, own)):
        expected, n_total = np.zeros(12), 0
        for part in parts[:3]:
            shares = np.where(part.n_cells > 0, of_part, 0)
            n_obs = part.n_cells.sum()
            expected += n_obs * divergences(part, weights=shares / shares.sum())
            n_total += n_obs
        np.testing.assert_allclose(overall_divergence(parts, weights), expected / n_total)


def test_labels_are_compared_where_they_can_be(parts):
    found = label_scores(parts)
    weights = np.array([p.n_cells * (p.n_cells.sum() - p.n_cells) / p.n_cells.sum() for p in parts])
    assert weights[3].tolist() == [0, 0, 0, 0]
    alone = [label_divergences(part) for part in parts]
    for name, of_part in (("scores", "divergence"), ("mean", "mean"), ("detected", "detected")):
        expected = sum(
            w[:, None] * getattr(part, of_part) for w, part in zip(weights, alone, strict=True)
        )
        expected /= weights.sum(axis=0)[:, None]
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-14)


def test_statistics_of_batches_add_up(cells, parts):
    X, codes, batches = cells
    X = (X > 1).astype(int)
    parts = split_tables(count_tables(X, batches * 4 + codes, 16), 4)
    tests = g_test_pvalues(parts)
    for gene in range(12):
        statistic = dof = 0
        for batch in range(3):
            inside = batches == batch
            table = [np.bincount(codes[inside][X[inside, gene] == v], minlength=4) for v in (0, 1)]
            table = np.array(table)[:, np.bincount(codes[inside], minlength=4) > 0]
            if table.sum(axis=1).min() >= 5 * table.shape[1]:
                result = chi2_contingency(table, lambda_="log-likelihood", correction=False)
                statistic, dof = statistic + result.statistic, dof + result.dof
        assert tests.pvals[gene] == pytest.approx(chi2.sf(statistic, dof) if dof else 1, rel=1e-8)
