"""`cellclass report` writes the page of `cc.report`, and says what stands first on it."""

import json
import warnings

import pytest
from click.testing import CliRunner

import cellclass as cc
from cellclass.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory, _cells, _split, model):
    folder = tmp_path_factory.mktemp("report")
    query = _cells[_split[1]].copy()
    query.write_h5ad(folder / "query.h5ad")
    cc.tl.annotate(query, model)
    query.write_h5ad(folder / "annotated.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's, on the format
        query.write_zarr(folder / "annotated.zarr")
    model.save(folder / "model")
    return folder


def report(folder, query, *arguments):
    return CliRunner().invoke(main, ["report", str(folder / query), *map(str, arguments)])


@pytest.mark.parametrize("name", ["annotated.h5ad", "annotated.zarr", "query.h5ad"])
def test_a_file_becomes_a_page(folder, tmp_path, name):
    before = (folder / "query.h5ad").read_bytes()
    out = tmp_path / "report.html"
    done = report(
        folder, name, "--model", folder / "model", "--out", out, "--labels-key", "cell_type"
    )
    assert done.exit_code == 0, done.output
    assert f"<title>{name}</title>" in out.read_text(encoding="utf-8")
    assert "found in fewer than 70%" in " ".join(done.output.split())
    assert (folder / "query.h5ad").read_bytes() == before


def test_for_machines(folder, tmp_path):
    out = tmp_path / "report.html"
    done = report(folder, "annotated.h5ad", "--out", out, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["out"] == str(out)
    assert {"level", "title", "text", "section", "labels"} == set(told["findings"][0])


def test_what_is_wrong_is_said_in_a_line(folder, tmp_path):
    out = tmp_path / "report.html"
    out.write_text("mine")
    done = report(folder, "annotated.h5ad", "--out", out)
    assert done.exit_code == 1
    assert "exists already" in done.output
    assert "--force" in done.output
    assert report(folder, "annotated.h5ad", "--out", out, "--force").exit_code == 0
    done = report(folder, "query.h5ad", "--out", tmp_path / "new.html")
    assert done.exit_code == 1
    assert "Pass --model FOLDER" in done.output
    assert report(folder, "query.h5ad").exit_code == 2
    done = report(folder, "annotated.h5ad", "--out", tmp_path / "report.pdf")
    assert "--out" in done.output
    (tmp_path / "cells.h5mu").touch()
    done = report(tmp_path, "cells.h5mu", "--out", tmp_path / "new.html")
    assert "is a MuData of several modalities" in done.output
    done = report(folder, "model", "--out", tmp_path / "new.html")  # the two were mixed up
    assert "cells are read from .h5ad and .zarr" in done.output
