"""Cells are counted by sample and label, and unclear samples are refused."""

import numpy as np
import pandas as pd
import pytest

from cellclass.errors import LabelError
from cellclass.tl._annotation import read_annotation
from cellclass.tl._composition_samples import Merging, count_samples


@pytest.fixture
def cells(annotated):
    """60 T, 60 B/x and 60 NK cells of three samples, the last of which has 10 without a label."""
    probability = np.repeat(np.eye(3), 60, axis=0)
    adata = annotated(probability, ["T", "B/x", "NK"], unassigned=range(10))
    adata.obs["sample"] = ["s2"] * 40 + ["s1"] * 70 + ["s10"] * 70
    adata.obs["sample"] = adata.obs["sample"].where(np.arange(180) >= 10, "s10")
    adata.obs["protocol"] = adata.obs["sample"].map({"s2": "x", "s1": "y", "s10": "x"})
    return adata


def count(adata, condition="protocol", *, merge=None, keep=False, sample="sample"):
    annotation = read_annotation(adata, "cellclass")
    merging = Merging(annotation.labels, merge)
    return count_samples(
        adata,
        annotation,
        merging,
        sample_key=sample,
        condition_key=condition,
        keep_unassigned=keep,
    )


@pytest.mark.filterwarnings("ignore:.*less than 50 cells")
def test_counts(cells):
    found = count(cells)
    assert found.names == ("s1", "s10", "s2")
    assert found.conditions == ("x", "y")
    assert found.condition.tolist() == [1, 0, 0]
    assert found.of(0).tolist() == [1, 2]
    assert found.counts.tolist() == [[20, 50, 0], [0, 10, 60], [30, 0, 0]]
    assert found.n_unassigned.tolist() == [0, 10, 0]
    assert found.n_cells.tolist() == [70, 80, 30]
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore:.*less than 50 cells")
def test_order_of_categories_is_kept_and_unused_ones_are_not(cells):
    cells.obs["sample"] = pd.Categorical(cells.obs["sample"], ["s2", "none", "s10", "s1"])
    found = count(cells, condition=None)
    assert found.names == found.conditions == ("s2", "s10", "s1")
    assert found.condition.tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:.*less than 50 cells")
def test_unassigned_cells_kept_and_labels_merged(cells):
    found = count(cells, keep=True, merge={"T": "T and NK", "NK": "T and NK"})
    assert found.labels == ("T and NK", "B/x", "unassigned")
    assert found.counts.tolist() == [[20, 50, 0], [60, 10, 10], [30, 0, 0]]


def test_merging():
    merging = Merging(["a", "b", "c"], {"a": "c"})
    assert merging.labels == ("c", "b")
    assert [merging.place(label) for label in "abcd"] == [0, 1, 0, -1]
    table = np.arange(9).reshape(3, 3)
    assert merging.summed(table).tolist() == [[0 + 2 + 6 + 8, 1 + 7], [3 + 5, 4]]
    assert Merging(["a", "b"], None).labels == ("a", "b")
    for merge, match in (
        ({"x": "a"}, "'x' is no label"),
        ({"a": "b"}, "leaves a single label"),
        ({"a": "unassigned"}, "stands for cells without a label"),
    ):
        with pytest.raises(LabelError, match=match):
            Merging(["a", "b"], merge)


@pytest.mark.parametrize("missing", [None, np.nan, " "])
@pytest.mark.parametrize("key", ["sample", "protocol"])
def test_cells_without_sample_or_condition(cells, key, missing):
    cells.obs[key] = cells.obs[key].astype(object).where(np.arange(180) != 7, missing)
    with pytest.raises(ValueError, match=rf"obs\['{key}'\] is missing for 1 of 180 .*'cell7'"):
        count(cells)
    with pytest.raises(ValueError, match="notna"):
        count(cells)


def test_condition_that_varies_within_a_sample(cells):
    cells.obs["protocol"] = cells.obs["protocol"].where(np.arange(180) < 170, "z")
    with pytest.raises(ValueError, match=r"'s10' .* 2 conditions .*\['x', 'z'\].*sample_id"):
        count(cells)


def test_sample_without_labelled_cells(cells):
    cells.obs["sample"] = cells.obs["sample"].where(np.arange(180) >= 5, "none")
    with pytest.raises(ValueError, match=r"'none' has no cell with a label \(5 are 'unassigned'\)"):
        count(cells, condition=None)
    with pytest.warns(UserWarning, match="less than 50 cells"):
        assert count(cells, condition=None, keep=True).names[0] == "none"


def test_few_cells(cells):
    with pytest.warns(UserWarning, match=r"1 of 3 samples have less than 50 cells: 's2' \(30\)"):
        count(cells)


def test_columns_that_are_not_there_or_mixed(cells):
    with pytest.raises(KeyError, match=r"sample_key='samples' is not a column .*'sample'"):
        count(cells, sample="samples")
    with pytest.raises(KeyError, match="condition_key='protocols'"):
        count(cells, condition="protocols")
    cells.obs["sample"] = pd.Series([1, "a"] * 90, index=cells.obs_names, dtype=object)
    with pytest.raises(LabelError, match="mixes values of several types"):
        count(cells)
    with pytest.raises(ValueError, match="has no cells"):
        count(cells[:0].copy())


def test_samples_named_by_numbers(cells):
    cells.obs["sample"] = cells.obs["sample"].str[1:].astype(int)
    with pytest.warns(UserWarning, match="less than 50"):
        assert count(cells).names == ("1", "2", "10")
