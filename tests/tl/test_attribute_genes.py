"""What attribute_genes writes, and that scanpy reads it."""

import anndata as ad
import numpy as np
import pytest
import scanpy as sc

import cellclass as cc
from cellclass.errors import LabelError

pytest.importorskip("captum")


@pytest.mark.parametrize("key", ["attributions", "genes of mine"])
def test_fields(query, model, key, unchanged):
    with unchanged(query, but=(f"adata.varm.{key}", f"adata.uns.{key}")):
        assert cc.tl.attribute_genes(query, model, groupby="cell_type", key_added=key) is None
    found = model.get_gene_attributions(query, labels_key="cell_type").dropna(axis=1)
    table, entry = query.varm[key], query.uns[key]
    assert table.index.equals(query.var_names)
    assert set(table.dtypes) == {np.dtype(np.float32)}
    assert [c.replace("|", "/") for c in table.columns] == found.columns.tolist()
    np.testing.assert_array_equal(table.loc[found.index], found)
    assert (table.drop(found.index) == 0).all(axis=None)
    assert entry["params"]["groupby"] == "cell_type"
    for label in found.columns:
        assert entry["names"][label][0] == found[label].idxmax()
        assert (np.diff(entry["scores"][label]) <= 0).all()
        assert sorted(entry["names"][label]) == sorted(found.index)


# scanpy's own use of pandas
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop is deprecated")
def test_scanpy_reads_and_draws_it(query, model, tmp_path):
    cc.tl.annotate(query, model)
    cc.tl.attribute_genes(query, model)
    label = query.uns["attributions"]["names"].dtype.names[0]
    frame = sc.get.rank_genes_groups_df(query, group=label, key="attributions")
    ours = cc.get.gene_attributions_df(query, label=label)
    assert frame["names"].tolist() == ours["names"].tolist()
    np.testing.assert_array_equal(frame["scores"], ours["scores"])
    axes = sc.pl.rank_genes_groups(query, key="attributions", n_genes=5, show=False)
    assert len(axes) == len(query.uns["attributions"]["labels"])
    query.write_h5ad(tmp_path / "q.h5ad")
    again = ad.read_h5ad(tmp_path / "q.h5ad")
    assert cc.get.gene_attributions_df(again).equals(cc.get.gene_attributions_df(query))


def test_copy_and_view(query, model, unchanged):
    with unchanged(query):
        copy = cc.tl.attribute_genes(query, model, groupby="cell_type", copy=True)
    view = query[:100]
    cc.tl.attribute_genes(view, model, groupby="cell_type")
    assert "attributions" in copy.varm
    assert not view.is_view
    assert "attributions" in view.uns
    assert "attributions" not in query.uns


def test_errors_write_nothing(query, model, unchanged):
    query.obs["other"] = "nonsense"
    with unchanged(query):
        with pytest.raises(KeyError, match=r"cc.tl.annotate\(adata, model\) first"):
            cc.tl.attribute_genes(query, model)
        with pytest.raises(KeyError, match="groupby='none'"):
            cc.tl.attribute_genes(query, model, groupby="none")
        with pytest.raises(LabelError, match="holds none of"):
            cc.tl.attribute_genes(query, model, groupby="other")
        with pytest.raises(TypeError, match="a trained model is needed"):
            cc.tl.attribute_genes(query, "model", groupby="cell_type")
        for name, value in [("n_steps", 1.5), ("n_steps", None), ("n_cells_per_label", 0)]:
            with pytest.raises(ValueError, match=f"{name}={value}; a whole number from 1 on"):
                cc.tl.attribute_genes(query, model, groupby="cell_type", **{name: value})
