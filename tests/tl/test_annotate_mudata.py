"""A MuData is annotated itself, in memory or in a file."""

import json

import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.io._mudata_file import copy_mudata, read_mudata, write_mudata

MLP = cc.model.CellClassifierMLP
WRITTEN = ("cellclass", "cellclass_confidence", "cellclass_novelty_pvalue")


@pytest.fixture
def query_file(paired_query, tmp_path):
    write_mudata(paired_query, tmp_path / "query.h5mu")
    return tmp_path / "query.h5mu"


@pytest.fixture
def annotated(paired_query, paired_model):
    cc.tl.annotate(paired_query, paired_model)
    return paired_query


def test_fields_are_those_of_the_mudata(paired_query, paired_model):
    before = [list(adata.obs) for adata in paired_query.mod.values()]
    cc.tl.annotate(paired_query, paired_model)
    assert set(WRITTEN) <= set(paired_query.obs)
    assert paired_query.obsm["cellclass_probability"].shape == (120, 3)
    assert paired_query.uns["cellclass"]["contract_report"]["n_proteins_matched"] == 8
    assert paired_query.uns["cellclass"]["model"]["proteins"]["n_proteins"] == 8
    assert [list(adata.obs) for adata in paired_query.mod.values()] == before
    predicted = paired_model.predict(paired_query)
    assert paired_query.obs["cellclass"].tolist() == predicted.tolist()


def test_copy(paired_query, paired_model):
    found = cc.tl.annotate(paired_query, paired_model, copy=True)
    assert "cellclass" in found.obs
    assert "cellclass" not in paired_query.obs


def test_a_view_becomes_one_of_its_own(paired_query, paired_model):
    view = paired_query[:50]
    cc.tl.annotate(view, paired_model)
    assert not view.is_view
    assert "cellclass" not in paired_query.obs
    assert view.obs["cellclass"].notna().all()


def test_rejection(paired_query, paired_model):
    cc.tl.annotate(paired_query, paired_model, reject_rate=0.1)
    left_out = paired_query.obs["cellclass"] == "unassigned"
    assert left_out.sum() == (paired_query.obs["cellclass_novelty_pvalue"] <= 0.1).sum()


def test_prior_correction(paired_query, paired_model):
    cc.tl.annotate(paired_query, paired_model, prior_correction=True)
    shift = paired_query.uns["cellclass"]["prior_correction"]
    np.testing.assert_allclose(shift["query_prior"].sum(), 1)


def test_evaluation_getters_and_pictures(annotated):
    cc.tl.evaluate(annotated, "cell_type")
    scores = annotated.uns["cellclass_evaluation"]["scores"]
    truth = annotated.obs["cell_type"].astype(str)
    assert scores["accuracy"] == (annotated.obs["cellclass"].astype(str) == truth).mean()
    assert cc.get.evaluation_df(annotated).shape == (3, 4)
    assert cc.get.predictions_df(annotated, probability=True).shape == (120, 6)
    assert cc.pl.confusion_matrix(annotated, show=False) is not None
    assert cc.pl.calibration(annotated, show=False) is not None
    assert cc.tl.evaluate(annotated, "cell_type", copy=True).n_obs == 120


def test_labels_are_rolled_up(annotated):
    edges = {"type_0": "a", "type_1": "a", "a": "root", "type_2": "root"}
    cc.tl.roll_up_labels(annotated, edges)
    assert "cellclass_rolled_up" in annotated.obs


def test_votes_of_groups_that_are_there(annotated):
    annotated.obs["group"] = pd.Categorical(annotated.obs["cell_type"])
    cc.tl.majority_vote(annotated, "group")
    assert annotated.obs["cellclass_voted"].notna().all()


@pytest.mark.parametrize(
    "call",
    [
        lambda mdata: cc.pp.rank_genes_js(mdata, "cell_type"),
        lambda mdata: cc.pp.identify_scale(mdata),
        lambda mdata: cc.tl.cross_validate(mdata, MLP, labels_key="cell_type"),
    ],
)
def test_functions_of_one_modality_say_so(paired, call):
    with pytest.raises(TypeError, match=r"adata is a MuData.*mdata\['rna'\]"):
        call(paired)


def test_file_to_file(query_file, paired_query, paired_model, tmp_path):
    out = tmp_path / "labelled.h5mu"
    cc.tl.annotate(query_file, paired_model, out=out, reject_rate=0.05)
    found = read_mudata(out)
    cc.tl.annotate(paired_query, paired_model, reject_rate=0.05)
    for name in WRITTEN:
        assert found.obs[name].tolist() == paired_query.obs[name].tolist()
    pd.testing.assert_frame_equal(
        found.obsm["cellclass_probability"], paired_query.obsm["cellclass_probability"]
    )
    assert found.obs["cell_type"].tolist() == paired_query.obs["cell_type"].tolist()
    np.testing.assert_array_equal(found["prot"].X, paired_query["prot"].X)
    assert found.uns["cellclass"]["contract_report"]["protein_scale"] == "counts"
    assert "cellclass" not in read_mudata(query_file).obs
    with pytest.raises(FileExistsError):
        cc.tl.annotate(query_file, paired_model, out=out)
    cc.tl.annotate(query_file, paired_model, out=out, overwrite=True)


def test_file_to_table(query_file, paired_query, paired_model, tmp_path):
    cc.tl.annotate(query_file, paired_model, out=tmp_path / "labels.csv")
    table = pd.read_csv(tmp_path / "labels.csv", index_col=0)
    assert table.index.tolist() == paired_query.obs_names.tolist()
    assert table["cellclass"].tolist() == paired_model.predict(paired_query).tolist()
    assert list(table) == list(WRITTEN)


def test_files_that_do_not_fit(query_file, paired_model, tmp_path):
    with pytest.raises(ValueError, match=r"ends in '\.h5ad'.*\.h5mu"):
        cc.tl.annotate(query_file, paired_model, out=tmp_path / "labelled.h5ad")
    with pytest.raises(ValueError, match="is the query itself"):
        cc.tl.annotate(query_file, paired_model, out=query_file, overwrite=True)
    with pytest.raises(ValueError, match="is a path"):
        cc.tl.annotate(query_file, paired_model)
    with pytest.raises(FileNotFoundError):
        cc.tl.annotate(tmp_path / "none.h5mu", paired_model, out=tmp_path / "out.h5mu")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["query.h5mu"]


def test_the_command_labels_a_mudata_file(query_file, paired, fit_paired, tmp_path, capsys):
    from cellclass.cli import main

    model = fit_paired(paired, epochs=1, n_hidden=(8,))
    model.save(tmp_path / "model")
    arguments = ["predict", str(query_file), "--model", str(tmp_path / "model"), "--json"]
    main([*arguments, "--out", str(tmp_path / "out.h5mu")], standalone_mode=False)
    summary = json.loads(capsys.readouterr().out)
    assert sum(summary["labels"].values()) == 120
    found = read_mudata(tmp_path / "out.h5mu")
    assert found.obs["cellclass"].tolist() == model.predict(read_mudata(query_file)).tolist()


def test_an_earlier_annotation_is_replaced(annotated, paired_model):
    before = copy_mudata(annotated)
    cc.tl.annotate(annotated, paired_model)
    assert list(annotated.obs) == list(before.obs)
    annotated.obs["mine"] = 1
    with pytest.raises(ValueError, match="would overwrite"):
        cc.tl.annotate(annotated, paired_model, key_added="mine")
