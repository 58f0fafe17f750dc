"""`cc.report` writes a page and nothing else."""

import inspect
import subprocess
import sys

import pytest

import cellclass as cc


def test_the_name_is_a_function_and_stays_one(annotated, tmp_path):
    cc.report(annotated, None, tmp_path / "report.html")
    assert inspect.isfunction(cc.report)
    assert "report" in dir(cc)


def test_the_name_is_light_until_it_is_used():
    code = (
        "import sys, cellclass\n"
        "assert 'report' in dir(cellclass)\n"
        "print(*sorted({'torch', 'matplotlib', 'jinja2', 'scanpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_signature():
    parameters = list(inspect.signature(cc.report).parameters.values())
    assert [p.name for p in parameters[:3]] == ["adata", "model", "path"]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])


def test_a_page_is_written(annotated, model, tmp_path, unchanged):
    path = tmp_path / "report.html"
    with unchanged(annotated):
        cc.report(annotated, model, path, labels_key="cell_type", title="Blood")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    text = path.read_text(encoding="utf-8")
    assert "<title>Blood</title>" in text
    assert len(text) < 1_500_000


def test_an_existing_file_is_replaced_only_if_asked(annotated, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        cc.report(annotated, None, path)
    assert path.read_text() == "mine"
    cc.report(annotated, None, path, overwrite=True)
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_a_name_that_is_no_page_is_refused(annotated, tmp_path):
    with pytest.raises(ValueError, match=r"does not end in \.html"):
        cc.report(annotated, None, tmp_path / "query.h5ad")
    with pytest.raises(FileNotFoundError, match="Make it first"):
        cc.report(annotated, None, tmp_path / "none" / "report.html")


def test_a_refused_query_leaves_no_page(query, model, tmp_path):
    del query.layers["counts"]
    query.X = query.X.toarray() - 1.5
    with pytest.raises(cc.errors.ScaleError):
        cc.report(query, model, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_warning_comes_once(query, model, tmp_path):
    gone = model.contract.model_genes[:60]
    query = query[:, ~query.var_names.isin(gone)].copy()
    with pytest.warns(UserWarning, match="The query lacks") as caught:
        cc.report(query, model, tmp_path / "report.html")
    lacks = [str(one.message) for one in caught if "lacks" in str(one.message)]
    assert len(lacks) == 1
