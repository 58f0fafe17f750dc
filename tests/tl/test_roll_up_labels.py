"""Labels in doubt become coarser ones, in columns of their own."""

from itertools import pairwise

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.errors import LabelError

LABELS = ["CD4/T", "CD8", "B", "Mono"]
P = [
    [0.97, 0.01, 0.01, 0.01],
    [0.50, 0.45, 0.03, 0.02],
    [0.50, 0.05, 0.40, 0.05],
    [0.40, 0.05, 0.05, 0.50],
    [0.25, 0.25, 0.25, 0.25],
]
TREE = {"CD4/T": "T", "CD8": "T", "T": "lymphoid", "B": "lymphoid", "Mono": "myeloid"}
ROLLED_UP = ["CD4/T", "T", "lymphoid", "unassigned", "unassigned"]
WRITTEN = (
    "adata.obs",
    "adata.obs.cellclass_rolled_up",
    "adata.obs.cellclass_rolled_up_confidence",
    "adata.obs.cellclass_rolled_up_depth",
    "adata.uns.cellclass_rolled_up",
)


@pytest.fixture
def adata(annotated):
    adata = annotated(P, LABELS)
    adata.obs["lineage"] = ["lymphoid"] * 3 + ["myeloid"] * 2
    adata.obs["broad"] = ["T", "T", "B", "Mono", "Mono"]
    adata.obs["fine"] = ["CD4/T", "CD8", "B", "Mono", "Mono"]
    return adata


@pytest.fixture
def sets(adata):
    """The smallest sets with a probability of 0.9."""
    rows = ["1000", "1100", "1010", "1001", "1111"]
    table = np.array([[mark == "1" for mark in row] for row in rows])
    return pd.DataFrame(table, index=adata.obs_names, columns=LABELS)


def test_fields(adata, unchanged):
    with unchanged(adata, but=WRITTEN):
        assert cc.tl.roll_up_labels(adata, TREE) is None
    labels = adata.obs["cellclass_rolled_up"]
    assert labels.tolist() == ROLLED_UP
    present = [*LABELS, "T", "lymphoid", "unassigned"]
    assert labels.cat.categories.tolist() == [name for name in present if name in ROLLED_UP]
    confidence = adata.obs["cellclass_rolled_up_confidence"]
    assert confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, [0.97, 0.95, 0.95, 0, 0], atol=1e-6)
    assert adata.obs["cellclass_rolled_up_depth"].dtype == np.int32
    assert adata.obs["cellclass_rolled_up_depth"].tolist() == [2, 1, 0, -1, -1]
    about = adata.uns["cellclass_rolled_up"]
    assert about["params"]["coverage"] == 0.9
    assert about["levels"].tolist() == []
    assert about["labels"]["n_cells"].tolist() == [1, 0, 0, 0, 1, 1]
    assert about["labels"]["n_labels"].tolist() == [1, 1, 1, 1, 2, 3]


def test_columns_of_the_reference_and_of_obs(adata):
    for hierarchy in (["lineage", "broad", "fine"], adata.obs[["lineage", "broad", "fine"]].copy()):
        cc.tl.roll_up_labels(adata, hierarchy)
        assert adata.obs["cellclass_rolled_up"].tolist() == ROLLED_UP
        assert adata.obs["cellclass_rolled_up_depth"].tolist() == [2, 1, 0, -1, -1]
        assert adata.uns["cellclass_rolled_up"]["levels"].tolist() == ["lineage", "broad", "fine"]


def test_a_top_for_all(adata):
    cc.tl.roll_up_labels(adata, TREE | {"lymphoid": "cell", "myeloid": "cell"})
    assert adata.obs["cellclass_rolled_up"].tolist() == [*ROLLED_UP[:3], "cell", "cell"]
    assert adata.obs["cellclass_rolled_up_depth"].tolist() == [3, 2, 1, 0, 0]
    assert adata.obs["cellclass_rolled_up_confidence"].tolist()[-1] == 1


def test_sets(adata, sets, unchanged):
    with unchanged(adata, but=WRITTEN):
        cc.tl.roll_up_labels(adata, TREE, sets=sets)
    expected = adata.obs.copy()
    assert expected["cellclass_rolled_up"].tolist() == ROLLED_UP
    assert np.isnan(adata.uns["cellclass_rolled_up"]["params"]["coverage"])
    for columns, names in ((LABELS[::-1], {}), (["Mono", "CD4|T", "B", "CD8"], {"CD4/T": "CD4|T"})):
        adata.obsm["sets"] = sets.rename(columns=names)[columns]
        cc.tl.roll_up_labels(adata, TREE, sets="sets")
        pd.testing.assert_frame_equal(adata.obs, expected)
    sets.iloc[0] = False
    cc.tl.roll_up_labels(adata, TREE, sets=sets)
    assert adata.obs["cellclass_rolled_up"].tolist()[0] == "unassigned"


def test_unassigned_cells_stay_so(annotated, sets):
    adata = annotated(P, LABELS, unassigned=[0, 1])
    for arguments in ({}, {"sets": sets}):
        cc.tl.roll_up_labels(adata, TREE, **arguments)
        assert adata.obs["cellclass_rolled_up"].tolist()[:3] == ["unassigned"] * 2 + ["lymphoid"]
        assert adata.obs["cellclass_rolled_up_confidence"].tolist()[:2] == [0, 0]
        assert adata.obs["cellclass_rolled_up_depth"].tolist()[:2] == [-1, -1]


def test_a_higher_coverage_is_never_finer(annotated):
    p = np.random.default_rng(0).dirichlet([0.3] * 4, 200)
    adata = annotated(p, LABELS)
    width = []
    for coverage in (0.3, 0.6, 0.9, 0.99):
        cc.tl.roll_up_labels(adata, TREE, coverage=coverage)
        n_labels = adata.uns["cellclass_rolled_up"]["labels"]["n_labels"]
        width.append(adata.obs["cellclass_rolled_up"].map(n_labels).astype(float).fillna(9))
    for lower, higher in pairwise(width):
        assert (lower <= higher).all()
    assert (width[0] < width[-1]).any()


def test_no_cells(annotated):
    adata = annotated(np.empty((0, 4)), LABELS)
    cc.tl.roll_up_labels(adata, TREE)
    assert adata.obs["cellclass_rolled_up"].cat.categories.empty


def test_again_copy_view_and_file(adata, tmp_path, unchanged):
    with unchanged(adata):
        rolled = cc.tl.roll_up_labels(adata, TREE, key_added="coarse", copy=True)
    assert rolled.obs["coarse"].tolist() == ROLLED_UP
    with unchanged(rolled):
        cc.tl.roll_up_labels(rolled, TREE, key_added="coarse")
    rolled.write_h5ad(tmp_path / "q.h5ad")
    again = ad.read_h5ad(tmp_path / "q.h5ad")
    cc.tl.roll_up_labels(again, TREE, key_added="coarse")
    assert again.obs["coarse"].tolist() == ROLLED_UP
    view = adata[1:]
    with unchanged(adata):
        cc.tl.roll_up_labels(view, TREE)
    assert not view.is_view


def test_it_can_be_evaluated(adata):
    cc.tl.roll_up_labels(adata, TREE)
    cc.tl.evaluate(adata, "broad", key="cellclass_rolled_up")
    scores = cc.get.evaluation_df(adata, key="cellclass_rolled_up", table="scores")
    assert scores["n_unassigned"].item() == 2


def flat(sets):
    return sets.to_numpy()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"coverage": 0}, ValueError, r"coverage=0 is outside \(0, 1\)"),
        ({"coverage": 1}, ValueError, r"coverage=1 is outside \(0, 1\)"),
        ({"coverage": 1.5}, ValueError, r"coverage=1.5 is outside"),
        ({"coverage": np.nan}, ValueError, r"coverage=nan is outside"),
        ({"key": "other"}, KeyError, "annotate"),
        ({"hierarchy": TREE | {"lymphoid": "T"}}, LabelError, "cycle.*'lymphoid'.*'T'"),
        ({"hierarchy": {"CD8": "T"}}, LabelError, "lacks 3 of the 4 labels.*'CD4/T', 'B', 'Mono'"),
        ({"hierarchy": ["broad", "lineage"]}, LabelError, "no tree"),
        ({"hierarchy": ["broad", "nope"]}, KeyError, "'nope'"),
        ({"key_added": "broad"}, ValueError, r"would overwrite obs\['broad'\]"),
        ({"sets": "nope"}, KeyError, r"sets='nope'.*predict_sets"),
        ({"sets": flat}, TypeError, "data frame of bool"),
        ({"sets": lambda sets: sets.astype(int)}, TypeError, "data frame of bool"),
        ({"sets": lambda sets: sets[::-1]}, ValueError, r"sets.loc\[adata.obs_names\]"),
        ({"sets": lambda sets: sets[1:]}, ValueError, "4 rows that are not the 5 cells"),
        ({"sets": lambda sets: sets.drop(columns="B")}, LabelError, "differ in 'B'"),
        ({"sets": lambda sets: sets.rename(columns={"B": "B2"})}, LabelError, "'B', 'B2'"),
        ({"sets": lambda sets: sets, "coverage": 0.9}, ValueError, "Leave coverage out"),
    ],
)
def test_refused_with_nothing_written(adata, sets, arguments, error, message, unchanged):
    arguments = {
        name: value(sets) if callable(value) else value for name, value in arguments.items()
    }
    with unchanged(adata), pytest.raises(error, match=message):
        cc.tl.roll_up_labels(adata, **{"hierarchy": TREE} | arguments)


def test_rolled_up_labels_of_real_cells_are_right_more_often(real_data, fit):
    adata = ad.read_h5ad(real_data / "pbmc_zheng_facs.h5ad")
    rows = np.arange(adata.n_obs)
    reference, query = (adata[rows % 2 == part].copy() for part in (0, 1))
    model = fit(reference, layer=None, epochs=6, n_top_genes=300, n_hidden=(64,))
    cc.tl.annotate(query, model)
    cc.tl.roll_up_labels(query, reference.obs[["cell_type_broad", "cell_type"]])
    rolled = query.obs["cellclass_rolled_up"].astype(str)
    named = rolled != "unassigned"
    right = (rolled == query.obs["cell_type"].astype(str)) | (
        rolled == query.obs["cell_type_broad"].astype(str)
    )
    plain = query.obs["cellclass"].astype(str) == query.obs["cell_type"].astype(str)
    assert right[named].mean() > 0.93 > plain.mean()
    assert named.mean() > 0.5
