"""Nothing is merged without being told; what is told is merged, kept and checked."""

import importlib.util
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellclass as cc
from cellclass.errors import LabelError

VARIANTS = Path(__file__).parents[2] / "benchmarks" / "_label_variants.py"


def cells(labels, **columns):
    obs = pd.DataFrame({"label": labels, **columns}, index=[f"c{i}" for i in range(len(labels))])
    return ad.AnnData(np.zeros((len(labels), 1), dtype=np.float32), obs=obs)


@pytest.fixture(scope="module")
def variants():
    """The spellings that are planted by the benchmark."""
    if not VARIANTS.exists():
        pytest.skip("the benchmarks are not in the source distribution")
    spec = importlib.util.spec_from_file_location("_label_variants", VARIANTS)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [101, 102])
def test_planted_spellings(variants, seed, unchanged):
    n_planted = n_found = n_proposed = n_right = 0
    for _, labels, spellings in variants.planted(200, seed):
        said = {label: spelling for spelling, (label, _) in spellings.items()}
        pair = [cells(list(labels)), cells([said.get(label, label) for label in labels])]
        origin = {label: label for label in labels} | {s: o for s, (o, _) in spellings.items()}
        with unchanged(*pair):
            found = cc.pp.harmonize_labels(pair, "label")
        rows = list(zip(found["label"], found["proposed"], strict=True))
        n_proposed += len(rows)
        n_right += sum(origin[a] == origin.get(b, origin.get(f"{b} ")) for a, b in rows)
        joined = {frozenset(row) for row in rows}
        n_planted += len(spellings)
        n_found += sum(frozenset((s, o)) in joined for s, (o, _) in spellings.items())
    assert n_planted == 200
    assert n_right >= 0.95 * n_proposed
    assert n_found >= 0.8 * n_planted


def test_planted_labels_are_those_of_the_files(variants, real_data):
    for name, text in variants.REAL.items():
        column = ad.read_h5ad(real_data / f"{name}.h5ad", backed="r").obs["cell_type"]
        assert set(text.split("|")) == set(column.astype(str)), name


def test_different_labels_of_one_reference_are_left_alone(variants):
    for labels in variants.SETS.values():
        assert cc.pp.harmonize_labels(cells(list(labels)), "label").empty


LABELS = st.lists(
    st.sampled_from(["T cell", "T cells", "T", "t", "B", "b cell ", "nan", None, "NK", "NK+"]),
    min_size=2,
    max_size=12,
)


@given(st.lists(LABELS, min_size=1, max_size=3))
def test_merging_what_was_proposed_is_idempotent_and_can_be_undone(lists):
    references = {f"r{place}": cells(labels) for place, labels in enumerate(lists)}
    before = {name: one.obs["label"].copy() for name, one in references.items()}
    found = cc.pp.harmonize_labels(references, "label")
    for name, one in references.items():
        pd.testing.assert_series_equal(one.obs["label"], before[name])
        assert list(one.obs) == ["label"]
    done = cc.pp.harmonize_labels(references, "label", merges=found)
    assert done["n_cells"].sum() == found["n_cells"].sum()
    assert cc.pp.harmonize_labels(references, "label").empty
    after = {name: one.obs.copy() for name, one in references.items()}
    assert cc.pp.harmonize_labels(references, "label", merges=found).empty
    for name, one in references.items():
        pd.testing.assert_frame_equal(one.obs, after[name])
        assert one.n_obs == len(before[name])
        if name in set(found["reference"]):
            pd.testing.assert_series_equal(
                one.obs["label_original"], before[name], check_names=False
            )
        else:
            pd.testing.assert_series_equal(one.obs["label"], before[name])


def test_only_what_is_told_is_written(unchanged):
    ours, theirs = cells(["CD14+ Mono", "B", "B"]), cells(["CD14 Mono", "B cells", "NK"])
    told = cc.pp.harmonize_labels([ours, theirs], "label")
    with unchanged(ours):
        rows = cc.pp.harmonize_labels(
            [ours, theirs], "label", merges=told[told["label"] == "B cells"]
        )
    assert rows.to_dict("records") == [
        {"reference": "1", "label": "B cells", "proposed": "B", "n_cells": 1}
    ]
    assert theirs.obs["label"].tolist() == ["CD14 Mono", "B", "NK"]


def test_proposals_say_which_reference_and_how_many_cells():
    references = {"ours": cells(["B"] * 3), "theirs": cells(["b cells"] * 2 + ["nan"])}
    found = cc.pp.harmonize_labels(references, {"ours": "label", "theirs": "label"})
    assert found.to_dict("list") == {
        "reference": ["theirs", "theirs"],
        "label": ["nan", "b cells"],
        "proposed": [None, "B"],
        "reason": ["text for a missing value", "case, the word cell"],
        "score": [0.95, 0.891],
        "n_cells": [1, 2],
    }
    empty = cc.pp.harmonize_labels(references["ours"], "label")
    assert empty.dtypes.equals(found.dtypes)


def test_missing_text_becomes_missing_and_no_cell_is_dropped():
    adata = cells(["B", "nan", "", "B"])
    cc.pp.harmonize_labels(adata, "label", merges=cc.pp.harmonize_labels(adata, "label"))
    assert adata.obs["label"].isna().tolist() == [False, True, True, False]
    assert adata.obs["label_original"].tolist() == ["B", "nan", "", "B"]


def test_a_label_that_has_become_another_one_is_said_and_stays():
    adata = cc.datasets.simulate_counts(60, n_labels=3)
    cc.pp.harmonize_labels(adata, "cell_type", merges={"type_1": "kind_1"})
    cc.pp.harmonize_labels(adata, "cell_type", merges={"type_1": "kind_1"})  # the same again
    before = adata.obs["cell_type"].copy()
    with pytest.warns(UserWarning, match=r"'type_1' has become 'kind_1' before, so that none of"):
        done = cc.pp.harmonize_labels(adata, "cell_type", merges={"type_1": "type_0"})
    assert done.empty
    pd.testing.assert_series_equal(adata.obs["cell_type"], before)
    cc.pp.harmonize_labels(adata, "cell_type", merges={"kind_1": "type_0"})
    assert adata.obs["cell_type"].value_counts().to_dict() == {"type_0": 40, "type_2": 20}


@pytest.mark.parametrize("as_frame", [False, True])
def test_synonyms_of_the_caller(as_frame):
    table = {"Mono": "monocyte", "Treg": "regulatory T cell"}
    synonyms = pd.DataFrame({"from": table.keys(), "to": table.values()}) if as_frame else table
    found = cc.pp.harmonize_labels(
        cells(["Monos", "Treg", "B", "Monocytes"]), "label", synonyms=synonyms
    )
    assert dict(zip(found["label"], found["proposed"], strict=True)) == {
        "Monos": "monocyte",
        "Treg": "regulatory T cell",
        "Monocytes": "monocyte",
    }


def test_ontology_comes_after_the_synonyms_of_the_caller(tmp_path):
    path = tmp_path / "small.obo"
    path.write_text(
        '[Term]\nid: CL:1\nname: T cell\nsynonym: "T lymphocyte" EXACT []\n\n'
        '[Term]\nid: CL:2\nname: B cell\nsynonym: "B lymphocyte" EXACT []\n'
    )
    adata = cells(["T lymphocytes", "B lymphocyte", "T"])
    found = cc.pp.harmonize_labels(adata, "label", ontology=path, synonyms={"T cell": "T"})
    assert dict(zip(found["label"], found["proposed"], strict=True)) == {
        "T lymphocytes": "T",
        "B lymphocyte": "B cell",
    }
    assert "exact synonym of CL:2" in found["reason"].tolist()


def test_hierarchy_is_checked_and_nothing_written_where_it_is_none(unchanged):
    adata = cells(["CD4 T", "CD8 T", "T cell CD8"], broad=["T", "T", "NK"])
    assert len(cc.pp.harmonize_labels(adata, "label", hierarchy_keys="broad")) == 1
    merges = {"T cell CD8": "CD8 T"}
    with (
        unchanged(adata),
        pytest.raises(LabelError, match=r"'CD8 T': 'NK' \(1 cells\), 'T' \(1 cells\)"),
    ):
        cc.pp.harmonize_labels(adata, "label", hierarchy_keys=["broad"], merges=merges)
    cc.pp.harmonize_labels(adata, "label", merges=merges)
    with pytest.raises(LabelError, match="no tree"):
        cc.pp.harmonize_labels(adata, "label", hierarchy_keys=["broad"])


def test_views_and_backed_files(tmp_path, tiny):
    view = tiny[:30]
    cc.pp.harmonize_labels(view, "label", merges={"mono": "monocyte"})
    assert "monocyte" in view.obs["label"].cat.categories
    assert "label_original" not in tiny.obs
    tiny.write_h5ad(tmp_path / "tiny.h5ad")
    backed = ad.read_h5ad(tmp_path / "tiny.h5ad", backed="r")
    cc.pp.harmonize_labels(backed, "label", merges={"mono": "monocyte"})
    assert backed.isbacked
    assert "monocyte" in backed.obs["label"].cat.categories
    backed.file.close()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels_key": "nobody"}, KeyError, "labels_key='nobody'"),
        ({"hierarchy_keys": ["nobody"]}, KeyError, "hierarchy_keys='nobody'"),
        ({"labels_key": ["label"]}, ValueError, "one column for each of the 2 references"),
        ({"labels_key": {"0": "label", "2": "label"}}, ValueError, "one column for each"),
        ({"merges": {"Q": "R"}}, LabelError, "no label 'Q'"),
        ({"synonyms": pd.DataFrame({"one": ["x"]})}, ValueError, "1 column"),
        ({"synonyms": {"x": "y", "y": "z"}}, LabelError, "write 'z' for both"),
        (
            {"synonyms": pd.DataFrame([("x", "y"), ("x", "z")])},
            LabelError,
            "give 'x' two names: 'y', 'z'",
        ),
    ],
)
def test_errors_write_nothing(arguments, error, message, unchanged):
    pair = [cells(["B", "T"]), cells(["b", "t"])]
    with unchanged(*pair), pytest.raises(error, match=message):
        cc.pp.harmonize_labels(pair, **{"labels_key": "label"} | arguments)


@pytest.mark.parametrize("adata", [[], {}, ["file.h5ad"]])
def test_something_else_than_references(adata):
    with pytest.raises(TypeError, match="must be an AnnData"):
        cc.pp.harmonize_labels(adata, "label")
