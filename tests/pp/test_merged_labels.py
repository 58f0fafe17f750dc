"""What the caller says is checked before it is written."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cellclass.errors import LabelError
from cellclass.pp._merged_labels import check_original, merged, merges_of, write_merged

REFERENCES = {"a": {"T", "T cells", "B", "nan"}, "b": {"T-cell", "B"}}


def test_mapping_is_for_all_references():
    assert merges_of({"T cells": "T", "nan": None}, REFERENCES) == {
        "a": {"T cells": "T", "nan": None},
        "b": {"T cells": "T", "nan": None},
    }


def test_rows_are_for_theirs():
    rows = pd.DataFrame(
        {"reference": ["a", "b"], "label": ["B", "B"], "proposed": ["B cell", np.nan]}
    )
    assert merges_of(rows, REFERENCES) == {"a": {"B": "B cell"}, "b": {"B": None}}
    assert merges_of(rows.iloc[:1].drop(columns="reference"), REFERENCES)["b"] == {"B": "B cell"}


@pytest.mark.parametrize(
    ("merges", "error", "message"),
    [
        ({"T cels": "T"}, LabelError, "no label 'T cels' to merge. Labels: 'T cells'"),
        ({"T cells": "T", "T": "T cell"}, LabelError, "itself becomes 'T cell'"),
        ({"T cells": "  "}, ValueError, "empty. Write None"),
        (pd.DataFrame({"label": ["B"]}), ValueError, r"lacks \['proposed'\]"),
        (
            pd.DataFrame({"label": ["B", "B"], "proposed": ["b", "c"]}),
            LabelError,
            "both 'b' and 'c'",
        ),
        (
            pd.DataFrame({"reference": ["c"], "label": ["B"], "proposed": ["b"]}),
            ValueError,
            "reference 'c'; there are 'a', 'b'",
        ),
        (
            pd.DataFrame({"reference": ["b"], "label": ["T"], "proposed": ["b"]}),
            LabelError,
            "no label 'T' to merge",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(merges, error, message):
    with pytest.raises(error, match=message):
        merges_of(merges, REFERENCES)


def test_new_labels_stand_in_the_places_of_the_old():
    column = pd.Series(["x", "b", "a", None, "nan"]).astype(
        pd.CategoricalDtype(["x", "a", "b", "nan"], ordered=True)
    )
    new = merged(column, {"b": "x", "nan": None})
    assert new.cat.categories.tolist() == ["x", "a"]
    assert not new.cat.ordered
    assert new.astype(object).where(new.notna(), None).tolist() == ["x", "x", "a", None, None]


def test_numbers_become_text():
    new = merged(pd.Series([1, 2, 1]), {"1": "T"})
    assert new.tolist() == ["T", "2", "T"]


def cells(**columns):
    return ad.AnnData(
        np.zeros((3, 1), dtype=np.float32), obs=pd.DataFrame(columns, index=list("abc"))
    )


def test_colours_go_with_their_labels():
    adata = cells(label=pd.Categorical(["x", "y", "z"]))
    adata.uns["label_colors"] = ["red", "green", "blue"]
    told = {"y": "z", "x": "new"}
    write_merged(adata, "label", merged(adata.obs["label"], told), told)
    assert dict(zip(adata.obs["label"].cat.categories, adata.uns["label_colors"], strict=True)) == {
        "new": "red",
        "z": "blue",
    }


def test_colours_of_other_labels_go():
    adata = cells(label=pd.Categorical(["x", "y", "z"]))
    adata.uns["label_colors"] = ["red"]
    write_merged(adata, "label", merged(adata.obs["label"], {"x": "y"}), {"x": "y"})
    assert "label_colors" not in adata.uns


def test_an_unrelated_column_is_not_taken_for_the_old_labels():
    adata = cells(label=["x", "y", "y"], label_original=["1", "1", "2"])
    with pytest.raises(LabelError, match="holds something else"):
        check_original(adata, "label")
    assert (
        check_original(cells(label=["x", "x", "y"], label_original=["1", "2", "3"]), "label")
        is None
    )
    assert check_original(cells(label=["x", "x", "y"]), "label") is None
