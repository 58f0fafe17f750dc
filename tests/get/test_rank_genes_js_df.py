import numpy as np
import pandas as pd
import pytest

import cellclass as cc

pytestmark = pytest.mark.filterwarnings("ignore:Labels of obs")  # of fewer than 20 cells
COLUMNS = ["js_divergence", "js_rank", "js_selected", "js_pval", "js_pval_adj"]


@pytest.fixture
def adata():
    adata = cc.datasets.pbmc68k_reduced()
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts", n_top_genes=100, top_by="overall")
    return adata


def test_best_genes_come_first(adata):
    frame = cc.get.rank_genes_js_df(adata)
    assert list(frame) == ["names", *COLUMNS]
    assert frame["js_rank"].tolist() == list(range(adata.n_vars))
    assert frame["js_divergence"].is_monotonic_decreasing
    assert frame["js_selected"].sum() == 100
    by_name = frame.set_index("names").loc[adata.var_names]
    columns = COLUMNS
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
    with pytest.raises(ValueError, match="n_genes=0; a whole number"):
        cc.get.rank_genes_js_df(adata, n_genes=0)


def test_label(adata):
    every = cc.get.rank_genes_js_df(adata, label="CD19+ B")
    assert list(every) == [
        "names",
        "scores",
        "logfoldchanges",
        "pvals",
        "pvals_adj",
        "pct_nz_group",
        "pct_nz_reference",
    ]
    assert len(every) == adata.n_vars
    assert every["scores"].is_monotonic_decreasing
    assert every["names"][0] == "CD79A"
    first = cc.get.rank_genes_js_df(adata, label="CD19+ B", n_genes=3)
    pd.testing.assert_frame_equal(first, every.head(3))
    few = cc.get.rank_genes_js_df(adata[:, ["CD79B", "CD79A"]], label="CD19+ B")
    assert few["names"].tolist() == ["CD79A", "CD79B"]


def test_distributions(adata):
    frame = cc.get.rank_genes_js_df(adata, table="distributions")
    assert list(frame) == ["names", "label", "lowest_count", "n_cells", "share"]
    labels = adata.obs["cell_type"].cat.categories
    for label in labels:
        best = cc.get.rank_genes_js_df(adata, label=label, n_genes=3)["names"]
        assert set(best) <= set(frame["names"])
    cells = frame.groupby(["names", "label"])["n_cells"].sum().reset_index()
    assert (cells["n_cells"] == cells["label"].map(adata.obs["cell_type"].value_counts())).all()
    gene = adata[:, "CD79A"].layers["counts"].toarray().ravel()
    of_b = frame[(frame["names"] == "CD79A") & (frame["label"] == "CD19+ B")]
    inside = (adata.obs["cell_type"] == "CD19+ B").to_numpy()
    edges = [*of_b["lowest_count"], 2**24]
    assert of_b["n_cells"].tolist() == np.histogram(gene[inside], edges)[0].tolist()
    assert of_b["share"].sum() == pytest.approx(1)
    one = cc.get.rank_genes_js_df(adata, table="distributions", label="CD19+ B", n_genes=1)
    assert set(one["names"]) == {"CD79A"}


def test_distributions_of_a_subset(adata):
    frame = cc.get.rank_genes_js_df(adata[:, ["CD79A", "FTL", "HES4"]], table="distributions")
    assert set(frame["names"]) == {"CD79A", "FTL"}


def test_unknown_label_and_table(adata):
    with pytest.raises(KeyError, match=r"label='CD19'.*'CD19\+ B'"):
        cc.get.rank_genes_js_df(adata, label="CD19")
    with pytest.raises(ValueError, match="table='scores' is neither"):
        cc.get.rank_genes_js_df(adata, table="scores")
