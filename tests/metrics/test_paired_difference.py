"""The interval of a paired difference covers, and is zero for the same answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.metrics import classification_scores
from cellclass.metrics._paired_difference import paired_difference


def answers(n, rates, seed, n_labels=3):
    """Truth and two classifiers that are right with the given probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_labels, size=n)
    given = [np.where(rng.random(n) < r, truth, (truth + 1) % n_labels) for r in rates]
    return truth, *given


@given(n=st.integers(2, 60), seed=st.integers(0, 20))
def test_scores_are_those_of_the_metrics(n, seed):
    truth, ours, theirs = answers(n, (0.8, 0.6), seed)
    found = paired_difference(truth, ours, theirs, folds=np.arange(n) % 2, n_resamples=20)
    for column, given_labels in (("model", ours), ("baseline", theirs)):
        expected = classification_scores(truth, given_labels)
        assert found.loc["accuracy", column] == pytest.approx(expected["accuracy"])
        assert found.loc["macro_f1", column] == pytest.approx(expected["macro_f1"])
    np.testing.assert_allclose(found["difference"], found["model"] - found["baseline"], atol=1e-12)
    assert (found["lower"] <= found["upper"]).all()


def test_the_same_answers_differ_by_nothing():
    truth, ours, _ = answers(50, (0.7, 0.7), 0)
    found = paired_difference(truth, ours, ours, folds=np.zeros(50))
    assert (found[["difference", "lower", "upper"]] == 0).all(axis=None)


def test_interval_covers_about_as_often_as_it_says():
    covered = 0
    for seed in range(150):
        truth, ours, theirs = answers(300, (0.85, 0.8), seed)
        row = paired_difference(
            truth, ours, theirs, folds=np.arange(300) % 3, n_resamples=300, rng=seed
        ).loc["accuracy"]
        covered += row["lower"] <= 0.05 <= row["upper"]
    assert 0.89 <= covered / 150 <= 0.99


def test_an_unassigned_cell_is_wrong():
    found = paired_difference(
        ["a", "b"], ["a", "unassigned"], ["a", "b"], folds=[0, 1], n_resamples=10
    )
    assert found.loc["accuracy", "model"] == 0.5
    assert found.loc["macro_f1", "model"] == 0.5


def test_groups_that_differ_widen_the_interval():
    truth, ours, theirs = answers(400, (0.9, 0.9), 1)
    groups = np.arange(400) // 40
    theirs = np.where(groups < 5, truth, theirs)  # the baseline is always right in some donors
    ours = np.where(groups >= 5, truth, ours)
    widths = []
    for given_groups in (None, groups):
        row = paired_difference(truth, ours, theirs, folds=groups, groups=given_groups)
        widths.append(row.loc["accuracy", "upper"] - row.loc["accuracy", "lower"])
    assert widths[1] > 1.5 * widths[0]


def test_seed():
    parts = answers(40, (0.8, 0.7), 0)
    first, again, other = (
        paired_difference(*parts, folds=np.zeros(40), rng=seed) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)
