"""The pooled posterior is Bayes' rule with a prior from the other cells of the group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.tl._vote import plain_vote, pooled_posterior


@st.composite
def cases(draw):
    n_obs, n_labels = draw(st.integers(1, 30)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probability = rng.dirichlet(np.full(n_labels, draw(st.sampled_from([0.02, 1.0]))), n_obs)
    probability[rng.random(n_obs) < 0.2] = np.eye(n_labels)[0]  # certain
    groups = rng.integers(0, draw(st.integers(1, 5)), n_obs)
    groups = np.unique(groups, return_inverse=True)[1]
    return probability, groups, draw(st.sampled_from([0.0, 0.5, 0.75, 1.0, 3.0]))


def by_the_formula(probability, groups, weight):
    overall = probability.mean(axis=0)
    found = []
    for cell, own in enumerate(probability):
        others = [p for j, p in enumerate(probability) if groups[j] == groups[cell] and j != cell]
        prior = (20 * overall + np.sum(others, axis=0)) / (20 + len(others))
        ratio = np.array([a / b if b else 1 for a, b in zip(prior, overall, strict=True)])
        found.append(own * ratio**weight / (own * ratio**weight).sum())
    return np.array(found)


@given(cases())
def test_formula(case):
    found = pooled_posterior(case[0], case[1], weight=case[2])
    np.testing.assert_allclose(found, by_the_formula(*case), atol=1e-10)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


@given(cases(), st.integers(0, 2**32 - 1))
def test_order_and_names_of_groups_mean_nothing(case, seed):
    probability, groups, weight = case
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(len(groups)), rng.permutation(groups.max() + 1)
    found = pooled_posterior(probability[order], names[groups[order]], weight=weight)
    expected = pooled_posterior(probability, groups, weight=weight)[order]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_cell_alone_in_its_group_and_one_group_of_all_change_little():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet([1, 1, 1], 50)
    alone = pooled_posterior(probability, np.arange(50), weight=1)
    np.testing.assert_allclose(alone, probability, atol=1e-12)
    together = pooled_posterior(probability, np.zeros(50, dtype=int), weight=1)
    np.testing.assert_allclose(together, probability, atol=0.02)


def test_without_cells():
    empty = np.empty((0, 3))
    assert pooled_posterior(empty, np.empty(0, dtype=int), weight=1).shape == (0, 3)
    assert [part.size for part in plain_vote(np.empty(0, int), np.empty(0, int), 3)] == [0, 0, 0]


def test_plain_vote():
    labels, shares, n_cells = plain_vote(np.array([0, 2, 2, 1, 0]), np.array([0, 0, 0, 1, 1]), 3)
    assert labels.tolist() == [2, 0]  # the first of equals
    assert shares.tolist() == [pytest.approx(2 / 3), 0.5]
    assert n_cells.tolist() == [3, 2]
