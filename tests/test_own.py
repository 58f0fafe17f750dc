"""Which AnnData is written to."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass._own import copied, own


@pytest.fixture
def foreign():
    """Counts in the other byte order, as a CSR matrix, a layer and in `raw`."""
    adata = cc.datasets.simulate_counts(60, 40, n_labels=2, n_markers=5)
    adata.X = swapped(adata.X)
    adata.layers["counts"] = swapped(sp.csc_matrix(adata.X.astype(np.float32)))
    adata.obsm["X_pca"] = np.zeros((60, 2))
    adata.raw = ad.AnnData(swapped(adata.X), var=adata.var)
    adata.uns["note"] = {"depth": np.arange(3)}
    return adata


def swapped(matrix):
    matrix = matrix.astype(np.float32)
    matrix.data = matrix.data.astype(">f4")
    return matrix


def test_values_in_a_foreign_byte_order_are_copied(foreign):
    copy = copied(foreign)
    for one, other in [
        (copy.X, foreign.X),
        (copy.layers["counts"], foreign.layers["counts"]),
        (copy.raw.X, foreign.raw.X),
    ]:
        assert one.dtype == np.float32
        assert one.dtype.isnative
        assert one.format == other.format
        np.testing.assert_array_equal(one.toarray(), other.toarray())
    assert foreign.X.dtype == ">f4"
    assert copy.obs.equals(foreign.obs)
    assert list(copy.obsm) == ["X_pca"]
    copy.uns["note"]["depth"][0] = 7
    assert foreign.uns["note"]["depth"][0] == 0


def test_a_view_of_them_becomes_an_anndata_of_its_own(foreign):
    view = foreign[::2, ::2]
    expected = foreign.X.toarray()[::2, ::2]
    assert own(view, copy=False) is view
    assert not view.is_view
    np.testing.assert_array_equal(view.X.toarray(), expected)


def test_other_errors_of_a_copy_come_out(foreign, monkeypatch):
    def fail(_):
        raise ValueError("as before")

    plain = cc.datasets.simulate_counts(60, 40, n_labels=2, n_markers=5)
    monkeypatch.setattr(ad.AnnData, "copy", fail)
    with pytest.raises(ValueError, match="as before"):
        copied(plain)


def test_a_view_of_a_file_cannot_be_written_to(tmp_path):
    path = tmp_path / "cells.h5ad"
    cc.datasets.simulate_counts(60, 40, n_labels=2, n_markers=5).write_h5ad(path)
    backed = ad.read_h5ad(path, backed="r")
    assert own(backed, copy=False) is backed
    with pytest.raises(ValueError, match="to_memory"):
        own(backed, copy=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda adata, **how: cc.pp.rank_genes_js(adata, "cell_type", **how),
        lambda adata, **how: cc.pp.rank_value_encode(adata, **how),
        lambda adata, **how: cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=5, **how),
        lambda adata, **how: cc.pp.split_cells(adata, labels_key="cell_type", **how),
        lambda adata, **how: cc.tl.majority_vote(adata, "group", key="label", **how),
        lambda adata, **how: cc.tl.compare_composition(adata, "group", key="label", **how),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, call):
    """No value of the matrix is read, and no vote counted."""
    cells = cc.datasets.simulate_counts(60, 40, n_labels=2, n_markers=5)
    cells.obs["group"] = np.repeat(["a", "b", "c"], 20)
    reference = cells.copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, validation_size=0.2)
    model.train(max_epochs=1, enable_progress_bar=False)
    cc.tl.annotate(cells, model, key_added="label")
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    backed = ad.read_h5ad(path, backed="r")
    view = backed[::2]
    before = backed.obs.copy()

    def work(*_, **__):
        raise AssertionError("worked in vain")

    for module, name in [
        ("pp._rank_genes_js", "count_tables_of"),
        ("pp._rank_value_encode", "linear_source"),
        ("pp._select_genes_mrmr", "find_bad_counts"),
        ("pp._split_cells", "_codes"),
        ("tl._majority_vote", "_vote"),
        ("tl._compare_composition", "count_samples"),
    ]:
        monkeypatch.setattr(f"cellclass.{module}.{name}", work)
    with pytest.raises(ValueError, match="to_memory"):
        call(view)
    with pytest.raises(ValueError, match="to_memory"):
        call(backed, copy=True)
    assert view.is_view
    assert backed.obs.equals(before)


@pytest.mark.parametrize(
    "call",
    [
        lambda adata: cc.pp.align_genes(adata, adata, copy=True),
        lambda adata: cc.pp.align_genes(adata, adata.var_names[::3], subset=True, copy=True),
        lambda adata: cc.pp.bin_values(adata, copy=True),
        lambda adata: cc.pp.normalize_scale(adata, copy=True),
        lambda adata: cc.pp.normalize_scale(adata, target="counts", copy=True),
        lambda adata: cc.pp.rank_genes_js(adata, "cell_type", copy=True, bins="log2"),
        lambda adata: cc.pp.rank_value_encode(adata, copy=True),
        lambda adata: cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=5, copy=True),
        lambda adata: cc.pp.split_cells(adata, labels_key="cell_type", copy=True),
    ],
)
def test_functions_copy_them(foreign, call):
    native = copied(foreign)
    found, expected = call(foreign), call(native)
    np.testing.assert_array_equal(found.X.toarray(), expected.X.toarray())
    assert found.var.equals(expected.var)
    assert found.obs.equals(expected.obs)
    assert foreign.X.dtype == ">f4"


def test_genes_are_left_out_of_a_matrix_in_a_foreign_byte_order(foreign):
    reference = foreign.var_names[[5, 2]]
    cc.pp.align_genes(foreign, reference, subset=True)
    assert list(foreign.var_names) == list(reference)
    assert foreign.X.shape == (60, 2)
