"""Each fine label has one parent, or the offenders are listed with their cells."""

import pandas as pd
import pytest

from cellclass.errors import LabelError
from cellclass.pp._label_hierarchy import check_tree

KEYS = ["fine", "broad", "lineage"]


def columns(fine, broad, lineage):
    return [pd.Series(values) for values in (fine, broad, lineage)]


def test_a_tree_passes_over_references_and_levels():
    first = columns(["CD4 T", "CD8 T", "B"], ["T", "T", "B"], ["lymphoid"] * 3)
    second = columns(
        ["CD4 T", "Mono", None], ["T", "Mono", "T"], ["lymphoid", "myeloid", "lymphoid"]
    )
    assert check_tree([first, second], KEYS) is None


@pytest.mark.parametrize("as_category", [False, True])
def test_offenders_are_listed_with_their_cells(as_category):
    fine = ["CD4 T"] * 5 + ["B"] * 2 + ["NK"]
    broad = ["T"] * 4 + ["B"] + ["B"] * 2 + [None]
    levels = columns(fine, broad, ["lymphoid"] * 8)
    levels = [level.astype("category") for level in levels] if as_category else levels
    with pytest.raises(LabelError, match="2 label") as caught:
        check_tree([levels], KEYS)
    assert "'CD4 T': 'T' (4 cells), 'B' (1 cells); 'NK': none (1 cells)" in str(caught.value)
    assert "obs['fine'] and obs['broad']" in str(caught.value)


def test_references_that_disagree_are_no_tree():
    first = columns(["pDC"], ["DC"], ["myeloid"])
    second = columns(["cDC"], ["DC"], ["lymphoid"])
    with pytest.raises(LabelError, match=r"obs\['broad'\] and obs\['lineage'\].*'DC'"):
        check_tree([first, second], KEYS)


def test_long_lists_are_cut():
    fine = [f"label {number}" for number in range(20)]
    levels = [pd.Series(fine), pd.Series([None] * 20, dtype=object)]
    with pytest.raises(LabelError, match=r"20 label.*; …\. Correct"):
        check_tree([levels], KEYS[:2])
