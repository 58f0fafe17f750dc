"""Checks of arguments say what was found and what to do."""

import numpy as np
import pandas as pd
import pytest

from cellclass import _checks
from cellclass._keys import probability_columns
from cellclass.errors import GeneError, LabelError


def test_near_lists_the_most_alike_first():
    assert _checks.near("cell_typ", ["batch", "cell_type"]) == "'cell_type', 'batch'"
    assert _checks.near("x", []) == "there are none"
    assert _checks.near("x", [None]) == "there are none"
    assert _checks.near("x", [f"a{i}" for i in range(20)]).endswith("'a7' and 12 more")


def test_listed_does_not_grow_with_the_data():
    assert _checks.listed(["a", "b"]) == "a, b"
    assert _checks.listed(iter("abcdefg"), 3) == "a, b, c and 4 more"


@pytest.mark.parametrize(
    "labels",
    [["b", "a", "b"], pd.Categorical(["b", "a", "b"], ["b", "a", "unused"]), [2, 1, 2]],
)
def test_label_codes(labels):
    series = pd.Series(labels)
    codes, names = _checks.label_codes(series, "x")
    assert codes.dtype == np.int64
    assert [names[code] for code in codes] == [str(label) for label in labels]
    assert len(names) == 2


def test_unlabeled_cells_get_minus_one():
    series = pd.Series(["b", "?", "a", "?"])
    codes, names = _checks.label_codes(series, "x", unlabeled_category="?")
    assert names == ["a", "b"]
    assert codes.tolist() == [1, -1, 0, -1]


@pytest.mark.parametrize(
    ("labels", "unlabeled", "words"),
    [
        (["a", "a"], None, "one label, 'a'"),
        (["a", "?"], "?", "one label, 'a'"),
        (["?", "?"], "?", "no label"),
        (["a", np.nan, "b"], None, "no label for 1 of 3 cells, the first of them 1"),
        (["a", " ", "b"], "?", "'?' is not a label|no label for 1"),
        (["a", "b"], "?", r"unlabeled_category='\?' is not a label of obs\['x'\].*'a', 'b'"),
        ([1, "1", 2], None, "read the same|several types"),
    ],
)
def test_labels_that_cannot_be_learned(labels, unlabeled, words):
    with pytest.raises(LabelError, match=words):
        _checks.label_codes(pd.Series(labels), "x", unlabeled_category=unlabeled)


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, float("nan")])
def test_fractions(value):
    with pytest.raises(ValueError, match=r"share=.* is outside \(0, 1\)"):
        _checks.check_fraction(value, "share")
    assert _checks.check_fraction(0.5, "share") is None
    assert _checks.check_fraction(0, "share", zero=True) is None


def test_anndata(tiny):
    assert _checks.check_not_empty(tiny) is None
    assert _checks.check_unique_genes(tiny) is None
    with pytest.raises(KeyError, match=r"groupby='lbl' is not a column.*'label'"):
        _checks.check_obs_key(tiny, "lbl", "groupby")
    with pytest.raises(ValueError, match="0 cells × 60 genes"):
        _checks.check_not_empty(tiny[:0])
    tiny.var_names = ["Gene0", "Gene0", "Gene0", *tiny.var_names[3:]]
    with pytest.raises(GeneError, match=r"duplicated gene names \(1\), such as 'Gene0'"):
        _checks.check_unique_genes(tiny)


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (("a", "b"), ["a", "b"]),
        (("a/b", "c"), ["a|b", "c"]),
        (("a/b", "a|b"), ["a|b|", "a|b"]),
        (("a|b", "a/b"), ["a|b", "a|b|"]),
        (("a/b/c", "a|b/c"), ["a|b|c", "a|b|c|"]),
    ],
)
def test_columns_of_labels_with_slashes(labels, columns):
    assert probability_columns(labels) == columns


def test_is_dask():
    assert not _checks.is_dask(np.zeros((2, 2)))
    array = pytest.importorskip("dask.array")
    assert _checks.is_dask(array.zeros((2, 2)))


def test_two_columns_of_one_name(tiny):
    tiny.obs = tiny.obs.assign(other=1).rename(columns={"other": "label"})
    with pytest.raises(ValueError, match="'label' is the name of 2 columns"):
        _checks.check_obs_key(tiny, "label", "labels_key")
