"""The layout of `scanpy.tl.rank_genes_groups`: scanpy's own functions read it."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc

KEY = "rank_genes_js"
RECORDS = ("names", "scores", "logfoldchanges", "pvals", "pvals_adj")
# scanpy and what it calls; none of it is ours
ignore_scanpy = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["CD4+/CD25 T Reg", "plain γδ"])
def ranked(request, cells):
    """Real cells with a label that holds a slash, or with one that is not ASCII."""
    first = cells.obs["cell_type"].cat.categories[0]
    cells.obs["cell_type"] = cells.obs["cell_type"].cat.rename_categories({first: request.param})
    if "/" not in request.param:
        names = {name: name.replace("/", " ") for name in cells.obs["cell_type"].cat.categories}
        cells.obs["cell_type"] = cells.obs["cell_type"].cat.rename_categories(names)
    del cells.uns["cell_type_colors"]
    cc.pp.rank_genes_js(cells, "cell_type", layer="counts", weights="frequency")
    return cells


def test_kinds_of_the_fields(ranked):
    entry = ranked.uns[KEY]
    labels = tuple(ranked.obs["cell_type"].cat.categories)
    dtypes = {"names": object, "scores": np.float32, "logfoldchanges": np.float32}
    for name in RECORDS:
        assert isinstance(entry[name], np.recarray)
        assert entry[name].shape == (ranked.n_vars,)
        assert entry[name].dtype.names == labels
        assert {entry[name].dtype[k] for k in range(len(labels))} == {
            np.dtype(dtypes.get(name, np.float64))
        }
    assert ("pts" in entry) == (not any("/" in label for label in labels))


def check_with_scanpy(adata):
    import scanpy as sc

    label = adata.uns[KEY]["names"].dtype.names[0]
    every = sc.get.rank_genes_groups_df(adata, group=None, key=KEY)
    assert len(every) == adata.n_vars * adata.obs["cell_type"].nunique()
    frame = sc.get.rank_genes_groups_df(adata, group=label, key=KEY)
    ours = cc.get.rank_genes_js_df(adata, label=label)
    for name in [column for column in ours if column in frame]:
        assert frame[name].tolist() == ours[name].tolist(), name
    if "pts" in adata.uns[KEY]:
        np.testing.assert_allclose(frame["pct_nz_group"], ours["pct_nz_group"], rtol=1e-6)
    best = sc.get.rank_genes_groups_df(adata, group=label, key=KEY, pval_cutoff=0.05, log2fc_min=1)
    assert 0 < len(best) < len(frame)
    overlap = sc.tl.marker_gene_overlap(adata, {"T": {"CD3D"}, "B": {"CD79A"}}, key=KEY)
    assert overlap.loc["B"].max() == 1
    sc.tl.filter_rank_genes_groups(adata, key=KEY, key_added="filtered", min_fold_change=0.5)
    kept = pd.DataFrame(adata.uns.pop("filtered")["names"])
    assert 0 < kept.notna().sum().sum() < kept.size


@ignore_scanpy
def test_scanpy_reads_it(ranked):
    check_with_scanpy(ranked)


@ignore_scanpy
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_scanpy_reads_it_from_a_file(ranked, tmp_path, kind):
    if kind == "zarr":
        pytest.importorskip("zarr")
    getattr(ranked, f"write_{kind}")(tmp_path / f"ranked.{kind}")
    read = getattr(ad, f"read_{kind}")(tmp_path / f"ranked.{kind}")
    check_with_scanpy(read)
    for name in RECORDS:
        assert read.uns[KEY][name].dtype.names == ranked.uns[KEY][name].dtype.names
        assert read.uns[KEY][name].tolist() == ranked.uns[KEY][name].tolist()
    for arguments in ({}, {"label": "CD19+ B"}, {"table": "distributions"}):
        before, after = (cc.get.rank_genes_js_df(each, **arguments) for each in (ranked, read))
        pd.testing.assert_frame_equal(before, after, check_dtype=False)
    assert cc.pl.rank_genes_js(read, show=False).get_title()


@ignore_scanpy
def test_scanpy_draws_it(ranked):
    import matplotlib.pyplot as plt
    import scanpy as sc

    few = list(ranked.obs["cell_type"].cat.categories[[0, 5, 6]])
    adata = ranked[ranked.obs["cell_type"].isin(few)].copy()
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts")
    arguments = {"key": KEY, "n_genes": 2, "show": False}
    sc.pl.rank_genes_groups(adata, **arguments)
    sc.pl.rank_genes_groups_violin(adata, groups=few[:1], **arguments)
    for kind in ("heatmap", "tracksplot", "dotplot", "matrixplot", "stacked_violin"):
        before = len(plt.get_fignums())
        getattr(sc.pl, f"rank_genes_groups_{kind}")(adata, dendrogram=False, **arguments)
        assert len(plt.get_fignums()) > before, kind
    sc.pl.rank_genes_groups_dotplot(
        adata, dendrogram=False, values_to_plot="logfoldchanges", **arguments
    )
    plt.close("all")
