"""A split is complete, its parts are disjoint, and groups stay whole."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellclass as cc
from cellclass.pp._hold_out import hold_out


def cells_of(labels, groups=None):
    obs = pd.DataFrame(
        {"label": pd.Categorical(labels)}, index=[f"c{i}" for i in range(len(labels))]
    )
    if groups is not None:
        obs["donor"] = pd.Categorical(groups)
    return ad.AnnData(np.zeros((len(labels), 1), dtype=np.float32), obs=obs)


@given(
    st.lists(st.sampled_from(["B", "T", "NK", None]), min_size=30, max_size=120),
    st.floats(0.1, 0.4),
    st.floats(0.1, 0.4),
    st.integers(0, 9),
    st.booleans(),
)
def test_over_cells_in_proportion_and_deterministic(labels, test_size, validation_size, seed, use):
    adata = cells_of(labels)
    key = "label" if use else None
    arguments = {"labels_key": key, "test_size": test_size, "validation_size": validation_size}
    again = cc.pp.split_cells(adata, **arguments, rng=seed, copy=True)
    assert "split" not in adata.obs
    cc.pp.split_cells(adata, **arguments, rng=seed)
    split = adata.obs["split"]
    assert split.cat.categories.tolist() == ["train", "validation", "test"]
    assert split.notna().all()  # one part for each cell: complete and disjoint
    assert split.equals(again.obs["split"])
    strata = (
        adata.obs["label"].astype(object).fillna("none") if use else pd.Series("all", split.index)
    )
    for stratum in strata.unique():
        mine = split[strata == stratum]
        n_test, n_validation = (mine == "test").sum(), (mine == "validation").sum()
        assert (mine == "train").any()
        assert abs(n_test - len(mine) * test_size) < 1 or len(mine) - n_test == 1
        assert abs(n_validation - len(mine) * validation_size) < 2 or (mine == "train").sum() == 1


@given(st.data())
def test_groups_are_whole_and_labels_trained_on_where_possible(data):
    n = data.draw(st.integers(10, 80))
    groups = data.draw(
        st.lists(st.integers(0, 9), min_size=n, max_size=n).filter(lambda x: len(set(x)) > 2)
    )
    labels = data.draw(st.lists(st.sampled_from(["B", "T", None]), min_size=n, max_size=n))
    adata = cells_of(labels, groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        cc.pp.split_cells(adata, groups_key="donor", labels_key="label")
    split = adata.obs["split"]
    assert split.notna().all()
    assert set(split) == {"train", "validation", "test"}
    assert adata.obs.groupby("donor", observed=True)["split"].nunique().max() == 1


def test_two_parts_are_those_of_the_models():
    labels = np.array(["B", "T", "NK"])[np.arange(200) % 3]
    adata = cells_of(labels)
    cc.pp.split_cells(adata, labels_key="label", test_size=0, validation_size=0.25, rng=3)
    codes = adata.obs["label"].cat.codes.to_numpy()
    rng = np.random.default_rng(3)
    hold_out(codes, held_out=0, seed=rng)  # the test part takes its share of the numbers
    train, _ = hold_out(codes, held_out=0.25, seed=rng)
    np.testing.assert_array_equal(np.flatnonzero(adata.obs["split"] == "train"), train)


def test_only_what_is_asked_for_is_written(tiny, unchanged):
    with unchanged(tiny, but={"adata.obs.fold", "adata.obs"}):
        cc.pp.split_cells(tiny, labels_key="label", key_added="fold")
    assert tiny.obs["fold"].value_counts()["train"] == pytest.approx(63, abs=4)


def test_view_becomes_an_anndata(tiny):
    view = tiny[:60]
    cc.pp.split_cells(view)
    assert view.obs["split"].notna().all()
    assert "split" not in tiny.obs


def test_donors_of_a_real_size():
    sizes = [1200, 2100, 1500, 900, 1800, 700, 1300, 1474]
    adata = cells_of(np.repeat("T", sum(sizes)), np.repeat(np.arange(8), sizes))
    cc.pp.split_cells(adata, groups_key="donor")
    shares = adata.obs["split"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.02)
    assert shares["validation"] == pytest.approx(0.1, abs=0.02)


def test_a_label_that_cannot_be_trained_on_is_named():
    adata = cells_of(["A"] * 5 + ["B"] * 5, [0] * 5 + [1] * 5)
    with pytest.warns(UserWarning, match="no training cell.*: [AB]"):
        cc.pp.split_cells(adata, groups_key="donor", labels_key="label", validation_size=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"test_size": 1.0}, ValueError, "test_size"),
        ({"validation_size": -0.1}, ValueError, "validation_size"),
        ({"test_size": 0.7, "validation_size": 0.3}, ValueError, "nothing to train on"),
        ({"test_size": 0, "validation_size": 0}, ValueError, "nothing aside"),
        ({"groups_key": "nobody"}, KeyError, "groups_key='nobody'"),
        ({"labels_key": "nobody"}, KeyError, "labels_key='nobody'"),
        ({"groups_key": "donor"}, ValueError, "2 group.*3 parts.*validation_size=0"),
        ({"labels_key": "each"}, ValueError, "validation part would get none.*labels_key"),
        ({"groups_key": "some"}, ValueError, "missing for 4 of 10 cells.*'c6'"),
    ],
)
def test_errors_write_nothing(arguments, error, message, unchanged):
    adata = cells_of(["A", "B"] * 5, [0] * 5 + [1] * 5)
    adata.obs["each"] = [f"x{i}" for i in range(10)]
    adata.obs["some"] = [*"abcabc", None, None, None, None]
    with unchanged(adata), pytest.raises(error, match=message):
        cc.pp.split_cells(adata, **arguments)
