"""Cells are split in proportion, and each label keeps something to learn from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.pp._hold_out import deal, hold_out


@given(
    hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(-1, 4)),
    st.floats(0, 0.9),
    st.integers(0, 9),
)
def test_parts_are_disjoint_complete_and_in_proportion(codes, share, seed):
    train, validation = hold_out(codes, held_out=share, seed=seed)
    assert np.intersect1d(train, validation).size == 0
    np.testing.assert_array_equal(np.union1d(train, validation), np.flatnonzero(codes >= 0))
    for rows in (train, validation):
        assert (np.diff(rows) > 0).all()
    for code in np.unique(codes[codes >= 0]):
        n, n_aside = (codes == code).sum(), (codes[validation] == code).sum()
        assert n_aside < n
        assert abs(n_aside - n * share) < 1 or n_aside == n - 1


def test_seed_decides():
    codes = np.arange(100) % 3
    first, again, other = (hold_out(codes, held_out=0.2, seed=s)[1] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_nothing_is_kept_aside_at_zero():
    assert hold_out(np.arange(50) % 2, held_out=0, seed=0)[1].size == 0


def test_rare_labels_are_kept_aside_as_often_as_common_ones():
    codes = np.arange(1000) % 200  # 5 cells each
    assert hold_out(codes, held_out=0.1, seed=0)[1].size == pytest.approx(100, abs=25)


@given(st.lists(st.integers(-1, 4), max_size=60), st.integers(2, 5), st.integers(0, 5))
def test_every_part_is_dealt_its_share_and_no_part_a_whole_label(codes, n_parts, seed):
    codes = np.array(codes, dtype=np.int64)
    part = deal(codes, n_parts=n_parts, seed=seed)
    n_cells = np.bincount(codes[codes >= 0], minlength=5)
    dealt = (codes >= 0) & (n_cells[codes] > 1)
    np.testing.assert_array_equal(part >= 0, dealt)
    sizes = np.bincount(part[dealt], minlength=n_parts)
    assert sizes.max(initial=0) - sizes.min(initial=60) <= 1
    for code in np.flatnonzero(n_cells > 1):
        own = np.bincount(part[codes == code], minlength=n_parts)
        assert own.max() - own.min() <= 1
        assert own.max() < n_cells[code]
    np.testing.assert_array_equal(deal(codes, n_parts=n_parts, seed=seed), part)


def test_batches_are_dealt_evenly_too():
    codes, batch = np.repeat([0, 1], 100), np.tile(np.arange(4), 50)
    part = deal(codes, n_parts=5, seed=0, strata=batch)
    table = np.zeros((2, 4, 5), dtype=int)
    np.add.at(table, (codes, batch, part), 1)
    assert (table == 5).all()
