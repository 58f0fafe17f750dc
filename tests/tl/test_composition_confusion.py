"""The confusion matrix is the model's own or one that is given, and unusable ones are refused."""

import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.errors import LabelError
from cellclass.tl._annotation import read_annotation
from cellclass.tl._composition_confusion import (
    check_as_annotated,
    check_rows,
    part_of_model,
    read_confusion,
)
from cellclass.tl._composition_samples import Merging

LABELS = ("T", "B/x", "NK")
CONFUSION = np.array([[80, 5, 15], [0, 50, 0], [10, 0, 40]])


@pytest.fixture
def cells(annotated):
    adata = annotated(np.repeat(np.eye(3), 20, axis=0), LABELS)
    adata.uns["cellclass"]["model"] = {"confusion": CONFUSION}
    return adata


def read(adata, given=None):
    return read_confusion(adata, read_annotation(adata, "cellclass"), "cellclass", given)


def test_of_the_model(cells):
    np.testing.assert_array_equal(read(cells), CONFUSION)
    cells.uns["cellclass"]["model"] = {"confusion": CONFUSION.tolist()}
    np.testing.assert_array_equal(read(cells), CONFUSION)


def test_model_of_an_earlier_version(cells):
    cells.uns["cellclass"]["model"] = {}
    with pytest.raises(KeyError, match=r"earlier version.*Train it again.*correct=False"):
        read(cells)


def test_model_without_held_out_cells(cells):
    cells.uns["cellclass"]["model"] = {"confusion": np.zeros((3, 3))}
    with pytest.raises(ValueError, match=r"validation_size=0.*cross_validate"):
        read(cells)
    cells.uns["cellclass"]["model"] = {"confusion": np.zeros((2, 2))}
    with pytest.raises(LabelError, match=r"\(2, 2\), and the annotation has 3 labels"):
        read(cells)


def test_given_table(cells):
    table = pd.DataFrame(CONFUSION, index=LABELS, columns=LABELS)
    shuffled = table.loc[["NK", "T"], ["B/x", "NK", "T"]].assign(unassigned=3)
    expected = CONFUSION.copy()
    expected[1] = 0
    np.testing.assert_array_equal(read(cells, shuffled), expected)
    with pytest.raises(LabelError, match="'Mono' is no label"):
        read(cells, table.rename(columns={"T": "Mono"}))
    for bad in (table / 100, table - 1, table.astype(float) * np.nan):
        with pytest.raises(ValueError, match="numbers of cells are needed"):
            read(cells, bad)
    with pytest.raises(TypeError, match="confusion is a ndarray"):
        read(cells, CONFUSION)


def test_cross_validation(cells):
    predictions = pd.DataFrame(
        {
            "truth": ["T", "T", "T", "NK", None, "B/x"],
            "predicted": ["T", "NK", "unassigned", "NK", None, "T"],
            "scored": [True, True, True, True, False, False],
        }
    )
    none = pd.DataFrame()
    found = cc.tl.CrossValidation(none, none, predictions, none, None, None)
    assert read(cells, found).tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_labels_without_held_out_cells():
    merging, confusion = Merging(LABELS, None), CONFUSION * [[1], [0], [1]]
    with pytest.raises(LabelError, match=r"No cell of \['B/x'\] was held out.*merge={'B/x'"):
        check_rows(confusion, np.array([[5, 1, 5]]), merging)
    check_rows(confusion, np.array([[5, 0, 5]]), merging)  # nor is any cell called so


def test_labels_that_cannot_be_told_apart():
    counts = np.array([[5, 5, 5]])
    alike = np.array([[50, 0, 50], [0, 50, 0], [51, 0, 49]])
    with pytest.raises(LabelError, match=r"'T' and 'NK'.*merge={'NK': 'T'}"):
        check_rows(alike, counts, Merging(LABELS, None))
    merging = Merging(LABELS, {"NK": "T"})
    check_rows(merging.summed(alike), np.array([[10, 5]]), merging)
    hard = np.array([[58, 0, 42], [0, 50, 0], [43, 0, 57]])
    with pytest.warns(UserWarning, match="Little is known of the proportions of .*'T' and 'NK'"):
        check_rows(hard, counts, Merging(LABELS, None))
    never = np.array([[50, 0, 0], [5, 0, 0], [0, 0, 50]])
    with pytest.raises(LabelError, match="'T' and 'B/x'"):
        check_rows(never, counts, Merging(LABELS, None))


def test_labels_that_are_not_the_models_own_answer(cells):
    check_as_annotated(cells, read_annotation(cells, "cellclass"), "cellclass")
    changed = cells.copy()
    changed.obs.loc[changed.obs_names[:2], "cellclass"] = "NK"
    with pytest.raises(ValueError, match=r"2 of 60 labels .* were changed"):
        check_as_annotated(changed, read_annotation(changed, "cellclass"), "cellclass")
    cells.uns["cellclass"]["prior_correction"] = {"applied": True}
    with pytest.raises(ValueError, match="prior_correction=True"):
        check_as_annotated(cells, read_annotation(cells, "cellclass"), "cellclass")
    cells.uns["cellclass"]["prior_correction"] = {"applied": False}
    check_as_annotated(cells, read_annotation(cells, "cellclass"), "cellclass")


def test_missing_genes(cells):
    cells.uns["cellclass"]["contract_report"] = {"missing_importance": 0.31}
    with pytest.warns(UserWarning, match="lacks genes with 31% of the model's weight"):
        check_as_annotated(cells, read_annotation(cells, "cellclass"), "cellclass")


def test_reference_in_numbers():
    merging = Merging(LABELS, {"NK": "T"})
    found, is_cells = part_of_model(pd.Series({"T": 6, "NK": 2, "B/x": 2}), merging)
    assert (found.tolist(), is_cells) == ([8, 2], True)
    found, is_cells = part_of_model({"T": 0.75, "B/x": 0.25, "Mono": 0}, merging)
    assert (found.tolist(), is_cells) == ([0.75, 0.25], False)
    found, is_cells = part_of_model({"T": 1}, merging)
    assert (found.tolist(), is_cells) == ([1, 0], False)
    with pytest.raises(LabelError, match="'Mono' is no label"):
        part_of_model({"Mono": 3}, merging)
    with pytest.raises(ValueError, match=r"sum to 75\.5"):
        part_of_model({"T": 50.5, "NK": 25}, merging)
    for bad in ({}, {"T": -1, "NK": 2}, {"T": 0.0}, {"T": np.nan}):
        with pytest.raises(ValueError, match="cells or shares of cells by label are needed"):
            part_of_model(bad, merging)
