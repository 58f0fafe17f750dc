"""Folds share out cells and groups, and say what they cannot do."""

from contextlib import nullcontext

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellclass.errors import LabelError
from cellclass.tl._folds import check_n_folds, folds_over_cells, folds_over_groups, groups_of

LABELS = ["a", "b", "c"]


def rng():
    return np.random.default_rng(0)


@given(
    counts=st.lists(st.integers(2, 30), min_size=2, max_size=3),
    n_folds=st.integers(2, 5),
    unlabeled=st.integers(0, 4),
)
def test_every_labelled_cell_is_in_one_fold_and_labels_are_even(counts, n_folds, unlabeled):
    codes = np.r_[np.repeat(np.arange(len(counts)), counts), np.full(unlabeled, -1)]
    if n_folds > sum(counts):
        return
    rare = min(counts) < n_folds
    with pytest.warns(UserWarning, match="fewer cells than") if rare else nullcontext():
        folds = folds_over_cells(codes, LABELS[: len(counts)], n_folds=n_folds, rng=rng())
    assert bool(folds.notes) == rare
    tested = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(codes >= 0))
    assert np.ptp(np.bincount(folds.fold[codes >= 0], minlength=n_folds)) <= 1
    for code, n in enumerate(counts):
        per_fold = np.bincount(folds.fold[codes == code], minlength=n_folds)
        assert np.ptp(per_fold) <= 1
        assert (per_fold > 0).sum() == min(n, n_folds)
    for train, test in folds:
        assert not np.intersect1d(train, test).size
        assert (np.diff(train) > 0).all()
        assert not (codes[train] < 0).any()


@settings(max_examples=12)
@given(n_groups=st.integers(2, 8), n_folds=st.integers(2, 5), seed=st.integers(0, 5))
def test_groups_stay_whole(n_groups, n_folds, seed):
    generator = np.random.default_rng(seed)
    groups = np.r_[np.arange(n_groups), generator.integers(n_groups, size=60)].astype(str)
    codes = np.r_[np.arange(n_groups) % 2, generator.integers(2, size=60)]
    folds = folds_over_groups(codes, LABELS[:2], groups, n_folds=n_folds, rng=rng())
    assert folds.n_folds == min(n_groups, n_folds)
    assert bool(folds.notes) == (n_groups < n_folds)
    assert len(list(folds)) == folds.n_folds
    for train, test in folds:
        assert test.size
        assert not set(groups[train]) & set(groups[test])


def test_groups_with_the_same_rare_label_are_kept_apart_where_that_can_be():
    groups = np.repeat(list("pqrs"), 20)
    codes = np.tile([0, 1], 40)
    codes[[0, 20]] = 2  # label c in p and q only
    for seed in range(2):
        folds = folds_over_groups(codes, LABELS, groups, n_folds=2, rng=np.random.default_rng(seed))
        assert folds.fold[0] != folds.fold[20]


def test_rare_labels_are_named():
    codes = np.repeat([0, 1, 2], [20, 3, 1])
    with pytest.warns(UserWarning, match=r"'b' \(3\), 'c' \(1\).*Merge them, or ask for fewer"):
        folds = folds_over_cells(codes, LABELS, n_folds=5, rng=rng())
    assert "a single cell cannot be scored" in folds.notes[0]


@pytest.mark.parametrize("n_folds", [1, 0, -2, 2.5, "5", True, None])
def test_n_folds_out_of_range(n_folds):
    with pytest.raises(ValueError, match=r"n_folds=.* from 2 on"):
        check_n_folds(n_folds)


def test_refusals():
    with pytest.raises(ValueError, match="more than the 4 labelled cells"):
        folds_over_cells(np.array([0, 0, 1, 1, -1]), LABELS[:2], n_folds=5, rng=rng())
    codes, groups = np.repeat([0, 1], 10), np.repeat(["p", "q"], 10)
    with pytest.raises(LabelError, match=r"only '.' is left.*over cells"):
        folds_over_groups(codes, LABELS[:2], groups, n_folds=2, rng=rng())
    codes, groups = np.repeat([0, 1, 2], 10), np.repeat(["p", "q", "r"], 10)
    with pytest.raises(LabelError, match="No label occurs in two folds"):
        folds_over_groups(codes, LABELS, groups, n_folds=3, rng=rng())
    labelled_in_one = np.r_[codes[:20], np.full(10, -1)]
    with pytest.raises(ValueError, match="labelled cells are of one group, 'p'"):
        folds_over_groups(
            labelled_in_one, LABELS, np.repeat(["p", "q"], [20, 10]), n_folds=2, rng=rng()
        )


def test_groups_of():
    adata = ad.AnnData(
        np.ones((3, 1), np.float32),
        obs=pd.DataFrame(
            {"donor": ["p", "q", "p"], "one": "x", "gap": ["p", None, "q"]}, index=list("abc")
        ),
    )
    assert groups_of(adata, "donor", "groups_key").tolist() == ["p", "q", "p"]
    with pytest.raises(ValueError, match=r"groups_key='one' has a single group, 'x'.*leaving"):
        groups_of(adata, "one", "groups_key")
    with pytest.raises(ValueError, match=r"1 of 3 cells have no group.*notna"):
        groups_of(adata, "gap", "batch_key")
    with pytest.raises(KeyError, match=r"groups_key='doner' is not a column.*'donor'"):
        groups_of(adata, "doner", "groups_key")


def test_batches_on_both_sides_are_noted():
    groups, codes = np.repeat(list("pqrs"), 10), np.tile([0, 1], 20)
    folds = folds_over_groups(codes, LABELS[:2], groups, n_folds=2, rng=rng())
    inside = pd.DataFrame({"batch": [f"{g}{i % 2}" for i, g in enumerate(groups)]})
    crossed = pd.DataFrame({"batch": np.tile(["x", "y"], 20)})
    assert folds.noting_shared(inside, "donor", "batch").notes == ()
    assert folds.noting_shared(crossed, "donor", None).notes == ()
    (note,) = folds.noting_shared(crossed, "donor", "batch").notes
    assert note.startswith("2 of 2 batches of 'batch' are in several folds")
