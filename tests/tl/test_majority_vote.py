"""A vote makes labels of clusters agree, and leaves rare types and the caller's columns alone."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import kneighbors_graph

import cellclass as cc
from cellclass.errors import LabelError

WRITTEN = (
    "adata.obs",
    "adata.obs.cellclass_voted",
    "adata.obs.cellclass_voted_confidence",
    "adata.obs.cellclass_voted_plain",
    "adata.uns.cellclass_voted",
)


def test_fields(mixture, unchanged):
    mixture.uns["cellclass_colors"] = ["red", "blue", "green"]
    with unchanged(mixture, but=(*WRITTEN, "adata.uns.cellclass_voted_colors")):
        assert cc.tl.majority_vote(mixture, "leiden") is None
    for column in ("cellclass_voted", "cellclass_voted_plain"):
        assert mixture.obs[column].cat.categories.tolist() == ["T", "B/x", "NK"]
    confidence = mixture.obs["cellclass_voted_confidence"]
    assert confidence.dtype == np.float32
    assert confidence.between(0, 1).all()
    assert mixture.uns["cellclass_voted_colors"] == ["red", "blue", "green"]
    groups = mixture.uns["cellclass_voted"]["groups"]
    assert groups.index.tolist() == ["0", "1", "2"]
    assert groups["n_cells"].tolist() == [505, 100, 100]
    assert groups["label"].tolist() == ["T", "B/x", "NK"]
    assert groups["share"].tolist() == [pytest.approx(451 / 505), 1, 1]
    assert groups["n_changed"].tolist() == [50, 0, 0]


def test_a_planted_type_stays_and_cells_in_doubt_follow(mixture):
    cc.tl.majority_vote(mixture, "leiden")
    voted = mixture.obs["cellclass_voted"].to_numpy(dtype=str)
    assert (voted[:500] == "T").all()  # 50 of them leant towards NK
    assert (voted[500:504] == "B/x").all()  # one in a hundred of their cluster
    assert voted[504] == "T"  # not sure of anything
    assert (mixture.obs["cellclass_voted_plain"].to_numpy(dtype=str)[:505] == "T").all()


def test_confidence_is_the_posterior_of_the_label(mixture):
    cc.tl.majority_vote(mixture, "leiden", weight=0)
    assert mixture.obs["cellclass_voted"].equals(mixture.obs["cellclass"])
    np.testing.assert_allclose(
        mixture.obs["cellclass_voted_confidence"], mixture.obs["cellclass_confidence"], atol=1e-6
    )


def test_it_can_be_evaluated(mixture):
    cc.tl.majority_vote(mixture, "leiden")
    cc.tl.evaluate(mixture, "truth", key="cellclass_voted")
    scores = cc.get.evaluation_df(mixture, key="cellclass_voted", table="scores")
    assert scores["accuracy"].item() == pytest.approx(704 / 705)


def test_unassigned_cells_neither_vote_nor_change(annotated):
    p = [[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 4
    adata = annotated(p, ["T", "B"], unassigned=[3, 4, 5, 6])
    adata.obs["g"] = 1
    cc.tl.majority_vote(adata, "g")
    assert adata.obs["cellclass_voted"].tolist() == ["T"] * 3 + ["unassigned"] * 4
    assert adata.obs["cellclass_voted_plain"].tolist() == ["T"] * 3 + ["unassigned"] * 4
    assert adata.obs["cellclass_voted_confidence"].tolist()[3:] == [0, 0, 0, 0]
    assert adata.uns["cellclass_voted"]["groups"]["n_cells"].tolist() == [3]


def test_cells_without_a_group_keep_their_label_and_do_not_vote(annotated):
    adata = annotated([[0.9, 0.1]] * 5 + [[0.4, 0.6]] * 2, ["T", "B"])
    adata.obs["g"] = [1.0] * 5 + [np.nan] * 2
    cc.tl.majority_vote(adata, "g")
    assert adata.obs["cellclass_voted"].tolist() == ["T"] * 5 + ["B"] * 2
    assert adata.obs["cellclass_voted_confidence"].tolist()[-1] == pytest.approx(0.6)
    adata.obs["g"] = np.nan
    cc.tl.majority_vote(adata, "g")
    assert adata.obs["cellclass_voted"].equals(adata.obs["cellclass"])
    assert adata.uns["cellclass_voted"]["groups"].empty


@pytest.mark.parametrize("n_obs", [0, 1])
def test_hardly_a_cell(annotated, n_obs):
    adata = annotated(np.full((n_obs, 2), [0.9, 0.1]), ["T", "B"])
    adata.obs["g"] = pd.Categorical(["a"] * n_obs)
    cc.tl.majority_vote(adata, "g")
    assert adata.obs["cellclass_voted"].tolist() == ["T"] * n_obs


def test_order_means_nothing(mixture):
    order = np.random.default_rng(0).permutation(mixture.n_obs)
    other = mixture[order].copy()
    cc.tl.majority_vote(mixture, "leiden")
    cc.tl.majority_vote(other, "leiden")
    for column in ("cellclass_voted", "cellclass_voted_plain", "cellclass_voted_confidence"):
        found, expected = (a.obs[column].tolist() for a in (other, mixture[order]))
        assert found == (pytest.approx(expected) if "confidence" in column else expected)


def test_again_copy_view_and_other_key(mixture, unchanged):
    with unchanged(mixture):
        voted = cc.tl.majority_vote(mixture, "leiden", key_added="mine", copy=True)
    assert {"mine", "mine_confidence", "mine_plain"} <= set(voted.obs)
    with unchanged(voted):
        cc.tl.majority_vote(voted, "leiden", key_added="mine")
    view = mixture[::2]
    with unchanged(mixture):
        cc.tl.majority_vote(view, "leiden")
    assert not view.is_view


def test_file_and_back(mixture, tmp_path, unchanged):
    cc.tl.majority_vote(mixture, "leiden")
    mixture.write_h5ad(tmp_path / "q.h5ad")
    again = ad.read_h5ad(tmp_path / "q.h5ad")
    assert again.obs["cellclass_voted"].equals(mixture.obs["cellclass_voted"])
    cc.tl.majority_vote(again, "leiden")  # what was read is known as a vote
    assert again.obs["cellclass_voted"].equals(mixture.obs["cellclass_voted"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"groups_key": "nope"}, KeyError, "groups_key='nope' is not a column.*'leiden'"),
        ({"key": "other"}, KeyError, "annotate"),
        ({"weight": -1}, ValueError, "weight=-1"),
        ({"weight": np.nan}, ValueError, "weight=nan"),
        ({"resolution": 2}, ValueError, "resolution=2 is for making clusters"),
        ({"layer": "counts"}, ValueError, "layer='counts' is for making clusters"),
        ({"groups_key": None, "resolution": 0}, ValueError, "resolution=0"),
        ({"key_added": "leiden"}, ValueError, r"would overwrite obs\['leiden'\]"),
        ({"key_added": "a/b"}, ValueError, "no name for a column"),
        ({"key_added": "x", "groups_key": "x_plain"}, ValueError, "is what a vote writes"),
    ],
)
def test_refused_with_nothing_written(mixture, arguments, error, message, unchanged):
    if arguments.get("groups_key") == "x_plain":
        mixture.obs["x"] = mixture.obs["x_plain"] = mixture.obs["x_confidence"] = 1
    with unchanged(mixture), pytest.raises(error, match=message):
        cc.tl.majority_vote(mixture, **{"groups_key": "leiden"} | arguments)


def test_labels_that_were_edited_are_refused(mixture, unchanged):
    mixture.obs["cellclass"] = mixture.obs["cellclass"].cat.rename_categories({"T": "T cell"})
    with unchanged(mixture), pytest.raises(LabelError, match="'T cell'"):
        cc.tl.majority_vote(mixture, "leiden")


def test_clusters_are_made_where_none_are_named(query, model, unchanged):
    pytest.importorskip("igraph")
    cc.tl.annotate(query, model)
    query.obsp["nearest"] = kneighbors_graph(query.obsm["X_pca"], 15)
    query.uns["neighbors"] = {"connectivities_key": "nearest"}
    written = (*WRITTEN, "adata.obs.cellclass_voted_clusters", "adata.uns.cellclass_voted_colors")
    with unchanged(query, but=written):
        cc.tl.majority_vote(query)
    clusters = query.obs["cellclass_voted_clusters"]
    assert clusters.nunique() > 5
    assert query.uns["cellclass_voted"]["params"]["resolution"] == 5
    assert query.uns["cellclass_voted"]["groups"].index.tolist() == [*clusters.cat.categories]
    again = cc.tl.majority_vote(query, copy=True)
    pd.testing.assert_frame_equal(again.obs, query.obs)
    cc.tl.majority_vote(again, "cellclass_voted_clusters")
    assert again.obs["cellclass_voted"].equals(query.obs["cellclass_voted"])


def test_a_planted_type_stays_on_real_cells(real_data, fit):
    adata = ad.read_h5ad(real_data / "pbmc3k.h5ad")
    truth = adata.obs["cell_type"].astype(str).to_numpy()
    rows = np.arange(adata.n_obs)
    model = fit(adata[rows % 2 == 0].copy(), layer=None, epochs=8, n_top_genes=300, n_hidden=(64,))
    mono = np.flatnonzero((rows % 2 == 1) & (truth == "CD14+ Mono"))
    b = np.flatnonzero((rows % 2 == 1) & (truth == "B"))
    rest = np.flatnonzero((rows % 2 == 1) & (truth != "CD14+ Mono") & (truth != "B"))
    planted = mono[:3]  # one in a hundred of the cluster
    query = adata[np.concatenate([planted, b, mono[3:], rest])].copy()
    query.obs["cluster"] = query.obs["cell_type"].astype(str)
    query.obs.iloc[:3, query.obs.columns.get_loc("cluster")] = "B"
    cc.tl.annotate(query, model)
    assert (query.obs["cellclass"].iloc[:3] == "CD14+ Mono").all()
    cc.tl.majority_vote(query, "cluster")
    assert (query.obs["cellclass_voted"].iloc[:3] == "CD14+ Mono").all()
    assert (query.obs["cellclass_voted_plain"].iloc[:3] == "B").all()
    truth = query.obs["cell_type"].to_numpy(dtype=str)
    voted, own = (query.obs[key].to_numpy(dtype=str) for key in ("cellclass_voted", "cellclass"))
    assert (voted == truth).mean() > (own == truth).mean()
