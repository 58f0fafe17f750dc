"""Every notebook runs from scratch and says nothing on stderr; what is committed is a whole run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# Folders of the machine that a notebook ran on.
A_PATH = re.compile(r"(?<![\w.])(/(home|Users|root|tmp|work|var|opt|private)/|[A-Z]:\\)\w")


def _outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _pictures(notebook):
    data = [output.get("data", {}) for output in _outputs(notebook)]
    return [kinds["image/png"] for kinds in data if "image/png" in kinds]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.newest
@every_notebook
# The notebook's own process shows its warnings; these are of the machinery around it.
@pytest.mark.filterwarnings("ignore")
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    said = [output.text for output in _outputs(notebook) if output.get("name") == "stderr"]
    assert said == []
    assert _pictures(notebook)


@every_notebook
def test_notebook_is_committed_with_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert {output.output_type for output in _outputs(notebook)} <= {
        "display_data",
        "execute_result",
        "stream",
    }
    assert _pictures(notebook)


@every_notebook
def test_notebook_holds_nothing_of_a_machine(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert not any(cell.metadata for cell in notebook.cells)
    for output in _outputs(notebook):
        texts = {**output.get("data", {}), "text": output.get("text", "")}
        assert [k for k, text in texts.items() if k != "image/png" and A_PATH.search(text)] == []
        assert output.get("name") != "stderr"


@every_notebook
def test_notebook_is_small(path):
    """`python notebooks/execute.py` makes them so."""
    assert path.stat().st_size < 400_000
    for picture in _pictures(nbformat.read(path, as_version=4)):
        assert len(picture) * 3 / 4 < 80_000


@every_notebook
def test_notebook_is_in_the_documentation(path):
    assert f"generated/notebooks/{path.stem}\n" in (ROOT / "docs/tutorials.md").read_text()
