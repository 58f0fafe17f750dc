"""A reference is checked before anything is written."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import GeneError, LabelError, ScaleError, ValuesError

MLP = cc.model.CellClassifierMLP
WRITTEN = (
    "adata.obs",
    "adata.obs._scvi_batch",
    "adata.obs._scvi_labels",
    "adata.uns._scvi_uuid",
    "adata.uns._scvi_manager_uuid",
)


def test_only_what_scvi_tools_writes_is_written(tiny, unchanged):
    with unchanged(tiny, but=WRITTEN):
        MLP.setup_anndata(tiny, labels_key="label")
    assert "_scvi_labels" in tiny.obs


def set_x(adata, change):
    X = adata.X.toarray()
    adata.X = sp.csr_matrix(change(X))


def no_label(adata, value):
    labels = adata.obs["label"].astype(object)
    labels.iloc[4] = value
    adata.obs["label"] = labels


def put(value):
    def change(X):
        X[3, 5] = value
        return X

    return change


BAD = {
    "no such labels": (
        lambda a: {"labels_key": "lable"},
        KeyError,
        "labels_key='lable' is not a column.*'label'",
    ),
    "no such batch": (lambda a: {"batch_key": "donor"}, KeyError, "batch_key='donor'"),
    "no such layer": (lambda a: {"layer": "counts"}, KeyError, "layer='counts'.*no layers"),
    "one label": (
        lambda a: a.obs.__setitem__("label", "B cell"),
        LabelError,
        "one label, 'B cell'",
    ),
    "NaN label": (
        lambda a: no_label(a, np.nan),
        LabelError,
        "no label for 1 of 90 cells.*'cell4'.*unlabeled_category",
    ),
    "None label": (lambda a: no_label(a, None), LabelError, "no label for 1 of 90 cells"),
    "empty label": (lambda a: no_label(a, ""), LabelError, "no label for 1 of 90 cells.*'cell4'"),
    "blank label": (lambda a: no_label(a, "  "), LabelError, "no label for 1 of 90 cells"),
    "reserved label": (
        lambda a: no_label(a, "unassigned"),
        LabelError,
        "'unassigned'.*unlabeled_category='unassigned'",
    ),
    "bad unlabeled_category": (
        lambda a: {"unlabeled_category": "Mono"},
        LabelError,
        "unlabeled_category='Mono' is not a label.*'mono'",
    ),
    "NaN batch": (
        lambda a: a.obs.__setitem__("batch", [np.nan, *"a" * 89]) or {"batch_key": "batch"},
        ValueError,
        "batch_key='batch': 1 cells have no batch",
    ),
    "negative": (lambda a: set_x(a, put(-3)), ScaleError, "minimum -3"),
    "NaN": (lambda a: set_x(a, put(np.nan)), ValuesError, "nan in cell number 3, gene 'Gene5'"),
    "infinite": (lambda a: set_x(a, put(np.inf)), ValuesError, "inf in cell number 3"),
    "z-scored": (lambda a: set_x(a, lambda X: X - X.mean(axis=0)), ScaleError, "z-scored"),
    "log1p twice": (
        lambda a: set_x(a, lambda X: np.log1p(np.log1p(X))),
        ScaleError,
        "log1p was taken twice",
    ),
    "duplicated genes": (
        lambda a: setattr(a, "var_names", ["Gene1", *a.var_names[1:]]),
        GeneError,
        r"duplicated gene names \(1\), such as 'Gene1'",
    ),
}


@pytest.mark.parametrize("how", BAD)
def test_refused_with_nothing_written(tiny, how, unchanged):
    spoil, error, words = BAD[how]
    given = spoil(tiny)
    arguments = {"labels_key": "label"} | (given if isinstance(given, dict) else {})
    with unchanged(tiny), pytest.raises(error, match=words):
        MLP.setup_anndata(tiny, **arguments)


def test_no_cells(tiny):
    with pytest.raises(ValueError, match="0 cells × 60 genes"):
        MLP.setup_anndata(tiny[:0].copy(), labels_key="label")


def test_a_view_is_left_alone(tiny, unchanged):
    view = tiny[:60]
    with unchanged(view, tiny), pytest.raises(ValueError, match=r"adata.copy"):
        MLP.setup_anndata(view, labels_key="label")


def test_rare_labels_are_warned_of_once_by_name(tiny):
    no_label(tiny, "odd")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MLP.setup_anndata(tiny, labels_key="label")
    ours = [w for w in caught if "fewer than 3 cells" in str(w.message)]
    assert len(ours) == 1
    assert "'odd' (1)" in str(ours[0].message)
    assert ours[0].filename == __file__


def test_a_column_of_names_is_no_label(tiny):
    tiny.obs["name"] = [f"cell {i}" for i in range(tiny.n_obs)]
    with pytest.raises(LabelError, match=r"'name'\] is that of one cell, such as 'cell 0'"):
        MLP.setup_anndata(tiny, labels_key="name")


LABELS = {
    "strings": (lambda k: np.array(["b", "a/c", "A"], dtype=object)[k], ("A", "a/c", "b")),
    "categories in their order": (
        lambda k: pd.Categorical.from_codes(k, ["z", "m", "a"]),
        ("z", "m", "a"),
    ),
    "unused categories": (
        lambda k: pd.Categorical.from_codes(k, ["z", "m", "a", "never"]),
        ("z", "m", "a"),
    ),
    "integers": (lambda k: k, ("0", "1", "2")),
    "floats": (lambda k: k / 2, ("0.0", "0.5", "1.0")),
    "booleans": (lambda k: k == 1, ("False", "True")),
    "integer categories": (lambda k: pd.Categorical(k * 10), ("0", "10", "20")),
    "pandas strings": (lambda k: pd.array(np.array(list("xyz"))[k], dtype="string"), tuple("xyz")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_kinds_of_labels(tiny, kind, fit, tmp_path, unchanged):
    make, expected = LABELS[kind]
    tiny.obs["label"] = make(np.arange(90) % 3)
    with unchanged(tiny, but=WRITTEN):
        model = fit(tiny, labels_key="label", layer=None, epochs=1)
    assert model.labels == expected
    predicted = model.predict(tiny)
    assert predicted.dtype.kind == "U"
    assert set(predicted) <= set(expected)
    model.save(tmp_path / "m")
    again = MLP.load(tmp_path / "m")
    assert again.labels == expected
    np.testing.assert_array_equal(again.predict(tiny), predicted)


def test_labels_that_read_the_same(tiny, unchanged):
    tiny.obs["label"] = np.array([1, "1", 2], dtype=object)[np.arange(90) % 3]
    with unchanged(tiny), pytest.raises(LabelError, match=r"read the same|several types"):
        MLP.setup_anndata(tiny, labels_key="label")


def test_set_up_twice_and_batches(tiny, fit):
    tiny.obs["batch"] = np.array(["x", "y"])[np.arange(90) // 45]
    model = fit(
        tiny, labels_key="label", layer=None, setup={"batch_key": "batch"}, validation_size=0.2
    )
    held_out = tiny.obs.iloc[model.validation_indices]
    table = pd.crosstab(held_out["label"], held_out["batch"])
    assert table.shape == (3, 2)
    assert table.to_numpy().min() >= 2
    again = fit(tiny, labels_key="label", layer=None)
    assert again.is_trained
