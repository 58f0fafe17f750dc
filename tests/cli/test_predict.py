"""`cellclass predict` labels a file as `annotate` does, and says what is wrong in a line."""

import json

import anndata as ad
import mudata
import pytest
from click.testing import CliRunner

import cellclass as cc
from cellclass.cli import main
from cellclass.io._mudata_file import without_remarks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    adata = cc.datasets.pbmc68k_reduced()
    adata.write_h5ad(folder / "query.h5ad")
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    model.train(max_epochs=2, accelerator="cpu", enable_progress_bar=False)
    model.save(folder / "model")
    return folder


def predict(folder, *arguments):
    given = ["predict", str(folder / "query.h5ad"), "--model", str(folder / "model"), *arguments]
    return CliRunner().invoke(main, given)


def test_labels_are_those_of_annotate(folder):
    done = predict(folder, "--out", str(folder / "out.h5ad"), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    found = ad.read_h5ad(folder / "out.h5ad")
    model = cc.model.CellClassifierMLP.load(folder / "model")
    expected = cc.tl.annotate(ad.read_h5ad(folder / "query.h5ad"), model, copy=True)
    assert (found.obs["cellclass"] == expected.obs["cellclass"]).all()
    counts = found.obs["cellclass"].value_counts()
    assert told["labels"] == {label: n for label, n in counts.items() if n}
    assert told["report"]["n_genes_matched"] == 100
    mean = found.obs.groupby("cellclass", observed=True)["cellclass_confidence"].mean()
    assert told["confidence"] == pytest.approx(mean.to_dict())


def test_for_people(folder):
    done = predict(folder, "--out", str(folder / "table.csv"))
    assert done.exit_code == 0, done.output
    assert "700 cells labelled" in done.output
    done = predict(folder, "--out", str(folder / "people.h5ad"), "--reject-rate", "0.1")
    assert done.exit_code == 0, done.output
    assert "unassigned" in done.output
    assert "100 of 100" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "{}/query.h5ad"], "exists already"),
        (["--out", "{}/x.zarr"], ".csv"),
        (["--out", "{}/x.h5ad", "--layer", "none"], "none"),
        (["--out", "{}/x.h5ad", "--layer", "none"], "--layer 'none'"),
        (["--out", "{}/x.h5ad", "--reject-rate", "3"], "--reject-rate 3"),
        (["--out", "{}/query.h5ad"], "--force"),
        (["--out", "{}/none/x.h5ad"], "Make it first"),
        (["--out", "{}/x.h5ad", "--gene-aliases", "x.csv"], "--gene-aliases 'x.csv'"),
        (["--out", "{}/x.h5ad", "--device", "abacus"], "--device 'abacus'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(folder, arguments, message):
    done = predict(folder, *(argument.format(folder) for argument in arguments))
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert message in done.output
    assert "Traceback" not in done.output


def test_a_folder_without_a_model(folder, tmp_path):
    given = ["predict", str(folder / "query.h5ad"), "--model", str(tmp_path), "--out", "x.h5ad"]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 1
    assert "model.json" in done.output
    (tmp_path / "model.json").write_text('{"class": "Foreign"}')
    assert "does not know" in CliRunner().invoke(main, given).output


def test_missing_options_are_a_matter_of_usage():
    assert CliRunner().invoke(main, ["predict"]).exit_code == 2


def test_labels_are_text(tmp_path):
    """Not markup of the terminal, and not a missing value of a table."""
    adata = cc.datasets.simulate_counts(200, 60, n_labels=2, n_markers=10, rng=0)
    names = {"type_0": "T [naive]", "type_1": "NA"}
    adata.obs["cell_type"] = adata.obs["cell_type"].cat.rename_categories(names)
    adata.write_h5ad(tmp_path / "query.h5ad")
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(adata, validation_size=0.2)
    model.train(max_epochs=2, accelerator="cpu", enable_progress_bar=False)
    model.save(tmp_path / "model")
    done = predict(tmp_path, "--out", str(tmp_path / "out.csv"))
    assert done.exit_code == 0, done.output
    assert "T [naive]" in done.output
    assert "NA" in done.output
    assert "200 cells labelled" in done.output


def test_rna_and_proteins_of_an_h5mu(paired_query, paired_model, tmp_path):
    query, model, out = (str(tmp_path / name) for name in ("query.h5mu", "model", "out.h5mu"))
    with without_remarks():
        paired_query.write_h5mu(query)
    paired_model.save(model)
    done = CliRunner().invoke(main, ["predict", query, "--model", model, "--out", out, "--json"])
    assert done.exit_code == 0, done.output
    with without_remarks():
        found = mudata.read_h5mu(out)
    cc.tl.annotate(paired_query, paired_model)
    assert (found.obs["cellclass"] == paired_query.obs["cellclass"]).all()
    assert json.loads(done.stdout)["report"]["n_cells_rna_and_proteins"] == found.n_obs
    scored = CliRunner().invoke(main, ["evaluate", out, "--labels-key", "cell_type", "--json"])
    assert scored.exit_code == 0, scored.output
    right = (found.obs["cellclass"].astype(str) == found.obs["cell_type"].astype(str)).mean()
    assert json.loads(scored.stdout)["scores"]["accuracy"] == pytest.approx(right)
