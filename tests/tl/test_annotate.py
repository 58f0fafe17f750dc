"""What annotate writes, and that it writes nothing else."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import GeneError, NotTrainedError, ScaleError

WRITTEN = (
    "adata.obs",
    "adata.obs.{}",
    "adata.obs.{}_confidence",
    "adata.obs.{}_novelty_pvalue",
    "adata.obsm.{}_probability",
    "adata.uns.{}",
    "adata.uns.{}_colors",
)


def written(key="cellclass"):
    return tuple(name.format(key) for name in WRITTEN)


def check_fields(adata, model, key="cellclass"):
    n = adata.n_obs
    labels = adata.obs[key]
    assert isinstance(labels.dtype, pd.CategoricalDtype)
    present = [label for label in [*model.labels, "unassigned"] if (labels == label).any()]
    assert labels.cat.categories.tolist() == present
    assert len(adata.uns[f"{key}_colors"]) == len(present)
    for name in ("confidence", "novelty_pvalue"):
        column = adata.obs[f"{key}_{name}"]
        assert column.dtype == np.float32
        assert column.between(0, 1).all()
    probability = adata.obsm[f"{key}_probability"]
    assert probability.shape == (n, len(model.labels))
    assert set(probability.dtypes) == {np.dtype("float32")}
    assert probability.index.equals(adata.obs_names)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-6)
    about = adata.uns[key]
    assert set(about) == {"params", "labels", "label_colors", "contract_report", "model"}
    assert list(about["labels"]) == list(model.labels)
    assert about["model"]["class"] == "CellClassifierMLP"


@pytest.mark.parametrize("key", ["cellclass", "my labels"])
def test_fields(query, model, key, unchanged):
    with unchanged(query, but=written(key)):
        assert cc.tl.annotate(query, model, key_added=key) is None
    check_fields(query, model, key)
    expected = {"layer": "", "key_added": key, "prior_correction": False, "reject_rate": 0.0}
    assert query.uns[key]["params"] == expected
    np.testing.assert_array_equal(query.obs[key].astype(str), model.predict(query))
    soft = model.predict(query, soft=True)
    np.testing.assert_array_equal(query.obsm[f"{key}_probability"], soft)
    np.testing.assert_array_equal(query.obs[f"{key}_confidence"], soft.max(axis=1))


def test_confusion_matrix_is_an_array_and_old_models_have_none(query, model, monkeypatch):
    cc.tl.annotate(query, model)
    confusion = query.uns["cellclass"]["model"]["confusion"]
    assert confusion.dtype == np.int64
    assert confusion.tolist() == model.card["confusion"]
    older = {name: entry for name, entry in model.card.items() if name != "confusion"}
    monkeypatch.setattr(model, "_card", older)
    cc.tl.annotate(query, model)
    assert "confusion" not in query.uns["cellclass"]["model"]


def test_report(query, model):
    part = query[:, ~query.var_names.isin(model.contract.model_genes[[0, 7]])].copy()
    cc.tl.annotate(part, model)
    report = part.uns["cellclass"]["contract_report"]
    assert report["genes_missing"].tolist() == model.contract.model_genes[[0, 7]].tolist()
    assert report["scale"] == "counts"
    assert report["n_obs"] == query.n_obs


def test_a_fifth_of_the_genes_missing(query, model):
    part = query[:, np.arange(query.n_vars) % 5 > 0].copy()
    cc.tl.annotate(part, model)
    report = part.uns["cellclass"]["contract_report"]
    missing = set(model.contract.model_genes) - set(part.var_names)
    assert len(missing) > 40
    assert set(report["genes_missing"]) == missing
    assert report["n_genes_missing"] == len(missing)


def test_copy(query, model, unchanged):
    with unchanged(query):
        annotated = cc.tl.annotate(query, model, copy=True)
    check_fields(annotated, model)


def test_view_becomes_an_anndata_of_its_own(query, model, unchanged):
    view = query[::-2]
    with unchanged(query):
        cc.tl.annotate(view, model)
    assert not view.is_view
    check_fields(view, model)


def test_twice_and_under_two_keys(query, model, unchanged):
    cc.tl.annotate(query, model)
    with unchanged(query):
        cc.tl.annotate(query, model)
    with unchanged(query, but=written("other")):
        cc.tl.annotate(query, model, key_added="other")


def test_again_after_concat_has_dropped_uns(query, model):
    cc.tl.annotate(query, model)
    both = ad.concat({"a": query[:9], "b": query[9:20]}, index_unique="-")
    assert "cellclass" not in both.uns
    cc.tl.annotate(both, model)
    check_fields(both, model)


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("cell_type", "obs\\['cell_type'\\]"),
        ("source", "uns\\['source'\\]"),
        ("mine", "obs\\['mine_confidence'\\]"),
        ("old", "obsm\\['old_probability'\\]"),
        ("a/b", "'/'"),
        ("", "empty"),
    ],
)
def test_key_that_is_taken(query, model, key, taken, unchanged):
    query.obs["mine_confidence"] = 1.0
    query.obsm["old_probability"] = np.ones((query.n_obs, 2))
    with unchanged(query), pytest.raises(ValueError, match=f"key_added='{key}'.*{taken}"):
        cc.tl.annotate(query, model, key_added=key)


def test_refused_with_nothing_written(query, model, tiny, unchanged):
    with unchanged(tiny), pytest.raises(GeneError, match="0 of the 300 genes"):
        cc.tl.annotate(tiny, model)
    with unchanged(query), pytest.raises(KeyError, match="layer='spliced'"):
        cc.tl.annotate(query, model, layer="spliced")
    query.layers["scaled"] = query.X.toarray() - 1
    for copy in (False, True):
        with unchanged(query), pytest.raises(ScaleError, match="layers\\['scaled'\\]"):
            cc.tl.annotate(query, model, layer="scaled", copy=copy)
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    untrained = cc.model.CellClassifierMLP(tiny)
    with unchanged(tiny), pytest.raises(NotTrainedError, match="train"):
        cc.tl.annotate(tiny, untrained)


def test_cells_without_counts_are_unassigned(query, model):
    counts = query.layers["counts"].toarray()
    counts[[3, 10]] = 0
    query.layers["counts"] = sp.csr_matrix(counts)
    cc.tl.annotate(query, model)
    assert np.flatnonzero(query.obs["cellclass"] == "unassigned").tolist() == [3, 10]
    check_fields(query, model)


@pytest.mark.parametrize("n_counts", [1, 2, 3])
def test_nearly_empty_cells_are_unassigned(query, model, n_counts):
    """Stray molecules, drawn as the cells together have them."""
    rng = np.random.default_rng(n_counts)
    counts = query.layers["counts"].toarray()
    ambient = counts.sum(axis=0) / counts.sum()
    counts[:20] = rng.multinomial(n_counts, ambient, size=20)
    query.layers["counts"] = sp.csr_matrix(counts)
    cc.tl.annotate(query, model)
    assert (query.obs["cellclass"].iloc[:20] == "unassigned").all()
    assert (query.obs["cellclass_confidence"].iloc[:20] == 0).all()
    assert (query.obs["cellclass"].iloc[20:] != "unassigned").all()


def test_a_panel_of_few_genes_keeps_its_cells(real_data, fit):
    adata = ad.read_h5ad(real_data / "mouse_cortex_osmfish.h5ad")[:1500].copy()
    model = fit(adata, layer=None)
    cc.tl.annotate(adata, model)
    n_genes = np.asarray((adata.X > 0).sum(axis=1)).ravel()
    assert adata.n_vars == 33
    np.testing.assert_array_equal(adata.obs["cellclass"] == "unassigned", n_genes < 4)
    assert (adata.obs["cellclass"] == "unassigned").mean() < 0.005


def test_reject_rate(query, model, tmp_path):
    cc.tl.annotate(query, model)
    cc.tl.annotate(query, model, reject_rate=0.1, key_added="strict")
    left_out = query.obs["strict"] == "unassigned"
    pvalue = query.obs["strict_novelty_pvalue"]
    np.testing.assert_array_equal(left_out, pvalue <= np.float32(0.1))
    assert 0.02 < left_out.mean() < 0.25
    assert (query.obs["strict_confidence"][left_out] == 0).all()
    kept = query.obs[~left_out]
    np.testing.assert_array_equal(kept["strict"], kept["cellclass"])
    np.testing.assert_array_equal(kept["strict_confidence"], kept["cellclass_confidence"])
    assert query.uns["strict"]["params"]["reject_rate"] == 0.1
    predicted = model.predict(query, reject_rate=0.1)
    np.testing.assert_array_equal(predicted, query.obs["strict"].astype(str))
    query.write_h5ad(tmp_path / "q.h5ad")
    assert ad.read_h5ad(tmp_path / "q.h5ad").uns["strict"]["params"]["reject_rate"] == 0.1


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0, r"outside \(0, 1\)"), (1.5, r"outside \(0, 1\)"), (0.001, "needs 999 held-out cells")],
)
def test_reject_rate_that_cannot_be_kept(query, model, rate, words, unchanged):
    with unchanged(query), pytest.raises(ValueError, match=f"reject_rate={rate:g}.*{words}"):
        cc.tl.annotate(query, model, reject_rate=rate)
    with pytest.raises(ValueError, match=words):
        model.predict(query, reject_rate=rate)


def test_colours_of_the_reference(query, model, cells):
    cc.tl.annotate(query, model)
    names = cells.obs["cell_type"].cat.categories
    expected = dict(zip(names, cells.uns["cell_type_colors"], strict=True))
    expected["unassigned"] = "#d3d3d3"
    about = query.uns["cellclass"]
    assert list(about["label_colors"]) == [expected[name] for name in model.labels]
    shown = query.obs["cellclass"].cat.categories
    assert query.uns["cellclass_colors"] == [expected[name] for name in shown]


def test_colours_of_an_earlier_annotation_go(tiny, fit):
    tiny.uns["cellclass_colors"] = ["red"]
    model = fit(tiny, labels_key="label", layer=None, epochs=1)
    cc.tl.annotate(tiny, model)
    assert len(tiny.uns["cellclass_colors"]) == len(tiny.obs["cellclass"].cat.categories)
    assert "red" not in tiny.uns["cellclass_colors"]


def test_what_is_written_is_not_shared_with_the_model(query, model):
    cc.tl.annotate(query, model)
    query.uns["cellclass"]["model"]["validation"]["accuracy"] = 7
    assert model.card["validation"]["accuracy"] <= 1


def test_h5ad_and_back(query, model, tmp_path, unchanged):
    part = query[:, ~query.var_names.isin(model.contract.model_genes[[2]])].copy()
    for adata in (query, part):
        cc.tl.annotate(adata, model)
        with unchanged(adata):
            adata.write_h5ad(tmp_path / "q.h5ad")
        again = ad.read_h5ad(tmp_path / "q.h5ad")
        check_fields(again, model)
        np.testing.assert_array_equal(again.obs["cellclass"], adata.obs["cellclass"])
        np.testing.assert_array_equal(
            again.obsm["cellclass_probability"], adata.obsm["cellclass_probability"]
        )
        ours, theirs = (a.uns["cellclass"]["contract_report"] for a in (adata, again))
        assert set(ours) == set(theirs)
        assert list(ours["genes_missing"]) == list(theirs["genes_missing"])
        assert ours["n_genes_matched"] == theirs["n_genes_matched"]
        cc.tl.annotate(again, model)  # what was read is known as an annotation


def test_labels_with_slashes_keep_their_columns_apart(tiny, fit, tmp_path):
    names = np.array(["a/b", "a|b", "c"])
    tiny.obs["label"] = names[np.arange(90) % 3]
    model = fit(tiny, labels_key="label", layer=None, epochs=1)
    cc.tl.annotate(tiny, model)
    columns = tiny.obsm["cellclass_probability"].columns
    assert columns.is_unique
    assert not any("/" in column for column in columns)
    tiny.write_h5ad(tmp_path / "q.h5ad")
    again = ad.read_h5ad(tmp_path / "q.h5ad")
    assert list(again.uns["cellclass"]["labels"]) == ["a/b", "a|b", "c"]
    np.testing.assert_array_equal(again.obs["cellclass"].astype(str), model.predict(tiny))


def test_renamed_genes_are_reported_and_a_file_keeps_it(query, model, tmp_path):
    expected = cc.tl.annotate(query, model, copy=True).obs["cellclass"]
    read = model.contract.model_genes
    old, lower, gone = read[3], read[5], read[8]
    names = {old: "OLD", lower: lower.lower(), gone: "OTHER"}
    query.var_names = [names.get(name, name) for name in query.var_names]
    cc.tl.annotate(query, model, gene_aliases={"OLD": old})
    assert (query.obs["cellclass"] == expected).mean() > 0.95
    query.write_h5ad(tmp_path / "query.h5ad")
    for adata in (query, ad.read_h5ad(tmp_path / "query.h5ad")):
        report = adata.uns["cellclass"]["contract_report"]
        assert sorted(report["genes_renamed"].to_numpy().tolist()) == sorted(
            [["OLD", old, "alias"], [lower.lower(), lower, "case"]]
        )
        assert report["n_genes_by_rule"]["alias"] == 1
        assert report["n_genes_by_rule"]["exact"] == query.n_vars - 3
        assert report["genes_missing"].tolist() == [gone]
        assert report["n_genes_extra"] == 1
        assert 0 < report["missing_importance"] < 0.1
        assert report["n_genes_ambiguous"] == 0


def test_a_query_by_ensembl_identifier_gets_the_same_labels(query, model):
    expected = cc.tl.annotate(query, model, copy=True).obs
    query.var["name"] = query.var_names.to_numpy()
    query.var_names = [f"ENSG{j:011d}" for j in range(query.n_vars)]
    cc.tl.annotate(query, model)
    pd.testing.assert_frame_equal(query.obs, expected)
    report = query.uns["cellclass"]["contract_report"]
    assert report["n_genes_by_rule"]["column"] == query.n_vars


def test_mouse_symbols_are_refused_until_told_otherwise(query, model, unchanged):
    expected = cc.tl.annotate(query, model, copy=True).obs["cellclass"]
    query.var_names = query.var_names.str.capitalize()
    with unchanged(query), pytest.raises(GeneError, match=r"two organisms.*str\.upper"):
        cc.tl.annotate(query, model)
    query.var_names = query.var_names.str.upper()
    cc.tl.annotate(query, model)
    assert (query.obs["cellclass"] == expected).all()
