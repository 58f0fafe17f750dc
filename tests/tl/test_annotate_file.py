"""A file is labelled as the AnnData in memory is, and goes on where it was stopped."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.model._scores import ScoredPart
from cellclass.tl import _annotate_file, _answer_parts


@pytest.fixture(scope="module")
def reference():
    adata = cc.datasets.pbmc68k_reduced()
    adata.uns["cell_type_colors"] = [f"#0000{k:02x}" for k in range(10)]
    return adata


@pytest.fixture(scope="module")
def model(reference):
    reference = reference.copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type", layer="counts")
    model = cc.model.CellClassifierMLP(reference, n_top_genes=100, validation_size=0.2)
    model.train(max_epochs=3, accelerator="cpu", enable_progress_bar=False)
    return model


@pytest.fixture
def query(reference, tmp_path, request):
    suffix = getattr(request, "param", ".h5ad")
    path = tmp_path / f"query{suffix}"
    adata = reference.copy()
    if suffix == ".zarr":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anndata's own, of formats to come
            adata.write_zarr(path)
    else:
        adata.write_h5ad(path)
    return path


def read(path):
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path)


@pytest.mark.parametrize("query", [".h5ad", ".zarr"], indirect=True)
def test_the_file_holds_what_annotate_writes(query, model, reference, tmp_path):
    out = tmp_path / f"out{query.suffix}"
    before = read(query)
    assert cc.tl.annotate(str(query), model, out=out) is None
    expected = cc.tl.annotate(before, model, copy=True)
    found = read(out)
    for column in ("cellclass", "cellclass_confidence", "cellclass_novelty_pvalue"):
        assert (found.obs[column] == expected.obs[column]).all()
        assert found.obs[column].dtype == expected.obs[column].dtype
    table = found.obsm["cellclass_probability"]
    pd.testing.assert_frame_equal(table, expected.obsm["cellclass_probability"])
    assert list(found.obs.columns) == list(expected.obs.columns)
    assert found.uns["cellclass"].keys() == expected.uns["cellclass"].keys()
    report, told = (x.uns["cellclass"]["contract_report"] for x in (found, expected))
    assert report["share_novel"] == told["share_novel"]
    assert report["expected_accuracy"] == told["expected_accuracy"]
    assert list(found.uns["cellclass_colors"]) == list(expected.uns["cellclass_colors"])
    for name in before.layers:
        assert (found.layers[name] != before.layers[name]).sum() == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([out.name, query.name])
    cc.tl.evaluate(found, "cell_type")  # nothing is missing that is read later


def test_an_annotation_in_the_file_is_replaced(query, model, tmp_path):
    once, twice = tmp_path / "once.h5ad", tmp_path / "twice.h5ad"
    cc.tl.annotate(query, model, out=once)
    cc.tl.annotate(once, model, out=twice, reject_rate=0.1)
    found = read(twice)
    assert list(found.obs.columns).count("cellclass") == 1
    assert found.uns["cellclass"]["params"]["reject_rate"] == 0.1
    assert (found.obs["cellclass"] == "unassigned").any()


def test_a_table_of_answers_alone(query, model, reference, tmp_path):
    cc.tl.annotate(query, model, out=tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv", index_col=0)
    expected = cc.tl.annotate(reference, model, copy=True).obs
    assert found.index.tolist() == reference.obs_names.tolist()
    assert found["cellclass"].tolist() == expected["cellclass"].tolist()
    confidence = found["cellclass_confidence"].to_numpy(np.float32)
    np.testing.assert_array_equal(confidence, expected["cellclass_confidence"])


def test_a_stopped_call_is_taken_up(query, model, reference, tmp_path, monkeypatch):
    monkeypatch.setattr(_annotate_file, "PART_CELLS", 100)
    monkeypatch.setattr("cellclass.contract._bound.CHUNK_SIZE", 50)
    bound = cc.contract.BoundInput.cells
    monkeypatch.setattr(
        cc.contract.BoundInput, "cells", lambda self, rows=None: bound(self, rows, size=50)
    )
    score, started = type(model).score_parts, []

    def stops(self, bound, *, first=0):
        started.append(first)
        for k, part in enumerate(score(self, bound, first=first)):
            if len(started) == 1 and k == 7:
                raise KeyboardInterrupt
            yield part

    monkeypatch.setattr(type(model), "score_parts", stops)
    out = tmp_path / "out.h5ad"
    with pytest.raises(KeyboardInterrupt):
        cc.tl.annotate(query, model, out=out)
    assert not out.exists()
    cc.tl.annotate(query, model, out=out)
    assert started == [0, 300]
    expected = cc.tl.annotate(reference, model, copy=True).obs
    assert (read(out).obs["cellclass"] == expected["cellclass"]).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5ad", "query.h5ad"]


def test_answers_of_another_model_are_not_taken_up(query, model, tmp_path):
    about = {"model": 1}
    parts = _answer_parts.AnswerParts(tmp_path / "parts", about)
    one = ScoredPart(
        slice(0, 2), np.ones((2, 3), np.float32), np.ones(2, np.float32), np.zeros(2, bool)
    )
    parts.add([one, one._replace(rows=slice(2, 4))])
    assert _answer_parts.AnswerParts(tmp_path / "parts", about).n_done() == 4
    assert _answer_parts.AnswerParts(tmp_path / "parts", {"model": 2}).n_done() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "say where"),
        ({"out": "x.zarr"}, r"\.h5ad.*\.csv"),
        ({"out": "query.h5ad", "overwrite": True}, "the query itself"),
        ({"out": "x.h5ad", "copy": True}, "copy=True"),
        ({"out": "x.h5ad", "prior_correction": True}, "in memory"),
        ({"out": "x.h5ad", "reject_rate": 1e-5}, "held-out cells"),
    ],
)
def test_what_does_not_fit_is_refused(query, model, tmp_path, arguments, message):
    if "out" in arguments:
        arguments = arguments | {"out": tmp_path / arguments["out"]}
    with pytest.raises(ValueError, match=message):
        cc.tl.annotate(query, model, **arguments)
    assert [p.name for p in tmp_path.iterdir()] == ["query.h5ad"]


def test_out_is_for_paths(reference, model, tmp_path):
    with pytest.raises(ValueError, match=r"write_h5ad"):
        cc.tl.annotate(reference, model, out=tmp_path / "x.h5ad")


def test_an_existing_file_is_kept(query, model, tmp_path):
    (tmp_path / "out.h5ad").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        cc.tl.annotate(query, model, out=tmp_path / "out.h5ad")
    assert (tmp_path / "out.h5ad").read_text() == "mine"
    cc.tl.annotate(query, model, out=tmp_path / "out.h5ad", overwrite=True)
    assert "cellclass" in read(tmp_path / "out.h5ad").obs


def test_files_that_are_none(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no "):
        cc.tl.annotate(tmp_path / "none.h5ad", model, out=tmp_path / "out.h5ad")
    (tmp_path / "broken.h5ad").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match="incomplete"):
        cc.tl.annotate(tmp_path / "broken.h5ad", model, out=tmp_path / "out.h5ad")


def test_a_matrix_by_genes_is_refused(reference, model, tmp_path):
    adata = reference.copy()
    adata.layers["counts"] = adata.layers["counts"].tocsc()
    adata.write_h5ad(tmp_path / "genes.h5ad")
    with pytest.raises(ValueError, match="tocsr"):
        cc.tl.annotate(tmp_path / "genes.h5ad", model, out=tmp_path / "out.h5ad")


def test_two_processes_do_not_write_one_file(query, model, tmp_path):
    out = tmp_path / "out.h5ad"
    with _answer_parts.only_process(out), pytest.raises(FileExistsError, match="Another process"):
        cc.tl.annotate(query, model, out=out)


def test_the_file_is_kept_from_others_until_it_is_complete(query, model, tmp_path, monkeypatch):
    out, write = tmp_path / "out.h5ad", _annotate_file.add_columns

    def another_comes(*args, **kwargs):
        refused = pytest.raises(FileExistsError, match="Another process")
        with refused, _answer_parts.only_process(out):
            pass
        write(*args, **kwargs)

    monkeypatch.setattr(_annotate_file, "add_columns", another_comes)
    cc.tl.annotate(query, model, out=out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5ad", "query.h5ad"]
