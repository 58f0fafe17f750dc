"""From rows to a verdict, where rows disagree or say little."""

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract._verdict import judge, number
from cellclass.kernels import ROW_STATISTICS, row_statistics


def verdict(X, *, n_vars=None):
    X = sp.csr_matrix(np.asarray(X, dtype=np.float64))
    rows = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, 6e-6, rows, False)
    return judge(rows, n_vars=n_vars or X.shape[1])


FACTORS = np.array([13.123, 7.717, 21.414, 3.317])


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(rng.gamma(0.5, 3.0, size=(4, 200)))


def test_cells_with_factors_of_their_own(counts):
    found = verdict(counts * FACTORS[:, None])
    assert (found.name, found.target_sum, found.share_grid) == ("normalized", None, 1)
    assert found.found == "as they stand, values are multiples of one unit in 100% of cells"


def test_one_cell_that_contradicts_all_others(counts):
    X = np.log1p(counts * FACTORS[:, None])
    X[2] = np.random.default_rng(0).gamma(1, 2, size=200) * (counts[2] > 0)
    found = verdict(X)
    assert (found.name, found.n_differ, found.differ) == ("mixed", 1, (2,))
    assert found.found == "most cells are log1p; 1 fit no scale"


def test_positions_count_empty_cells(counts):
    X = np.log1p(counts * FACTORS[:, None])
    X[3] = np.sqrt(counts[3])
    X = np.vstack([np.zeros((2, 200)), X])
    assert verdict(X).differ == (5,)


def test_cells_that_say_nothing_follow_the_others(counts):
    X = counts * FACTORS[:, None]
    X[1] = 0.7123 * (counts[1] == 1)  # one level
    assert verdict(X).name == "normalized"
    assert verdict(np.log1p(X)).name == "log1p"
    assert verdict(X[[1]]).name == "unrecognised"


def test_counts_among_normalised_cells_are_seen_by_their_sums(counts):
    normalized = counts / counts.sum(axis=1, keepdims=True) * 1e4
    normalized[0] = counts[0]
    found = verdict(normalized)
    assert (found.name, found.differ) == ("mixed", (0,))
    assert found.found == "counts among normalised counts"


def test_sums_decide_only_where_values_are_as_uneven_as_counts():
    rng = np.random.default_rng(0)
    shares = rng.lognormal(0, 2.0, size=(20, 500))  # no unit
    found = verdict(shares / shares.sum(axis=1, keepdims=True) * 1e6)
    assert (found.name, found.target_sum) == ("normalized", pytest.approx(1e6, rel=1e-6))
    assert found.found == "as they stand, 100.0% of cells have the sum 1,000,000"
    even = rng.gamma(20, 1.0, size=(20, 500))
    found = verdict(even / even.sum(axis=1, keepdims=True) * 1e4, n_vars=501)
    assert found.name == "unrecognised"
    assert "as even as logarithms" in found.found


def test_nothing_but_zeros():
    assert verdict(np.zeros((3, 3))).name == "counts"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9999.98, "10,000"),
        (10_000, "10,000"),
        (2213, "2,213"),
        (9998.5, "9,998.5"),
        (0.5, "0.5"),
        (1_000_000.4, "1,000,000"),
        (123_456, "123,456"),
    ],
)
def test_a_number_has_no_more_digits_than_it_takes(value, text):
    assert number(value) == text
