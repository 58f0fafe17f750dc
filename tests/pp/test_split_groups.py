"""Groups stay whole, and the parts come within 1% of the sizes that an exhaustive search finds."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.pp._split_groups import assign_groups

SHARES = np.array([0.7, 0.1, 0.2])


def stray(parts, sizes, shares):
    """How far the parts are from the shares, summed over the parts."""
    found = np.bincount(parts, weights=sizes, minlength=len(shares)) / sizes.sum()
    return np.abs(found - shares).sum()


@given(st.lists(st.integers(1, 50), min_size=3, max_size=7), st.integers(0, 5))
def test_sizes_are_those_of_an_exhaustive_search(sizes, seed):
    sizes = np.array(sizes)
    found = assign_groups(sizes[:, None], SHARES, n_labels=0, rng=np.random.default_rng(seed))
    every = (np.array(parts) for parts in product(range(3), repeat=sizes.size))
    best = min(stray(parts, sizes, SHARES) for parts in every if len(set(parts)) == 3)
    assert set(found) == {0, 1, 2}
    assert stray(found, sizes, SHARES) <= best + 0.01


def test_labels_of_one_group_are_trained_on():
    counts = np.full((6, 2), [10, 0])
    counts[4] = [5, 5]
    for seed in range(10):
        parts = assign_groups(counts, SHARES, n_labels=2, rng=np.random.default_rng(seed))
        assert parts[4] == 0


def test_of_equal_sizes_the_one_in_proportion_is_taken():
    counts = np.array([[10, 0], [0, 10], [5, 5], [5, 5]])
    shares = np.array([0.5, 0.5])
    for seed in range(10):
        parts = assign_groups(counts, shares, n_labels=2, rng=np.random.default_rng(seed))
        assert counts[parts == 1].sum(axis=0).tolist() == [10, 10]


def test_seed_decides_between_equals():
    counts = np.ones((10, 1), dtype=int)
    rngs = map(np.random.default_rng, (1, 1, 2))
    draws = [assign_groups(counts, SHARES, n_labels=0, rng=rng) for rng in rngs]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


@pytest.mark.parametrize("n_groups", [100, 5000])
def test_many_groups_take_seconds(n_groups):
    counts = np.random.default_rng(0).poisson(3.0, (n_groups, 10))
    start = time.perf_counter()
    parts = assign_groups(counts, SHARES, n_labels=10, rng=np.random.default_rng(0))
    assert time.perf_counter() - start < 20
    assert stray(parts, counts.sum(axis=1), SHARES) < 0.01
