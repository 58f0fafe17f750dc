import pandas as pd
import pytest

import cellclass as cc


@pytest.fixture
def adata():
    adata = cc.datasets.pbmc68k_reduced()
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts", n_top_genes=100)
    return adata


def test_best_genes_come_first(adata):
    frame = cc.get.rank_genes_js_df(adata)
    assert list(frame) == ["names", "js_divergence", "js_rank", "js_selected"]
    assert frame["js_rank"].tolist() == list(range(adata.n_vars))
    assert frame["js_divergence"].is_monotonic_decreasing
    assert frame["js_selected"].sum() == 100
    by_name = frame.set_index("names").loc[adata.var_names]
    columns = ["js_divergence", "js_rank", "js_selected"]
    pd.testing.assert_frame_equal(by_name, adata.var[columns], check_names=False)


def test_some_genes(adata):
    every = cc.get.rank_genes_js_df(adata)
    pd.testing.assert_frame_equal(cc.get.rank_genes_js_df(adata, n_genes=7), every.head(7))
    assert len(cc.get.rank_genes_js_df(adata, n_genes=10_000)) == adata.n_vars


def test_key_names_the_ranking(adata):
    first = cc.get.rank_genes_js_df(adata)
    cc.pp.rank_genes_js(adata, "phase", layer="counts", key_added="phase_genes")
    pd.testing.assert_frame_equal(cc.get.rank_genes_js_df(adata), first)
    phase = cc.get.rank_genes_js_df(adata, key="phase_genes")
    assert phase["names"].tolist() != first["names"].tolist()


def test_subset_keeps_its_ranks(adata):
    genes = ["CD3D", "CD74", "NKG7"]
    frame = cc.get.rank_genes_js_df(adata[:, genes])
    assert frame["names"].tolist() == ["CD74", "CD3D", "NKG7"]
    assert frame["js_rank"].tolist() == adata.var.loc[frame["names"], "js_rank"].tolist()


def test_result_is_a_copy(adata):
    frame = cc.get.rank_genes_js_df(adata)
    frame["js_rank"] = -1
    assert cc.get.rank_genes_js_df(adata)["js_rank"].min() == 0


def test_renamed_genes(adata):
    adata.var_names = [f"{name}-1" for name in adata.var_names]
    with pytest.raises(cc.errors.GeneError, match="765 of 765 genes, such as 'HES4-1'"):
        cc.get.rank_genes_js_df(adata)


def test_no_ranking(adata):
    for key in ("other", "cell_type_colors"):
        with pytest.raises(KeyError, match=f"key_added='{key}'"):
            cc.get.rank_genes_js_df(adata, key=key)


def test_n_genes_below_one(adata):
    with pytest.raises(ValueError, match="n_genes=0 is less than 1"):
        cc.get.rank_genes_js_df(adata, n_genes=0)
