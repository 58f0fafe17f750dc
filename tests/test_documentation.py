"""Documentation holds what it promises: examples run, pages are short, what is cited is listed."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from scvi.model.base import BaseModelClass

import cellclass as cc

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"generated", "_build"} & set(path.parts))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# An example that downloads is shown, and not run: no test needs the network. These have tests with
# a server of their own.
NEED_THE_NETWORK = {
    "datasets.celllines3_2tech",
    "datasets.mouse_bladder",
    "datasets.mouse_cortex_osmfish",
    "datasets.mouse_cortex_starmap",
    "datasets.pbmc10k_citeseq",
    "datasets.pbmc5k",
    "io.read_ucsc_cell_browser",
}
# Words of DESIGN.md and of the pages that a reader may look up.
TERMS = {
    "batch",
    "calibration",
    "cell",
    "confidence",
    "contract",
    "counts",
    "gene",
    "label, code",
    "latent representation",
    "layer",
    "log-normalised",
    "macro-F1",
    "marker gene",
    "minibatch",
    "novelty p-value",
    "prediction set",
    "query",
    "rank-value encoding",
    "reference",
    "scale",
    "unassigned",
    "validation cells",
}


def notebook_code() -> str:
    """All code of the notebooks, which are executed by `test_notebooks.py`."""
    sources = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n".join(sources)


NOTEBOOK_CODE = notebook_code()


def examples(member: object) -> list[doctest.Example]:
    text = inspect.getdoc(member) or ""
    return doctest.DocTestParser().get_examples(text) if "\nExamples\n---" in text else []


def runs(member: object, pattern: str = "") -> bool:
    """Whether an example that runs is in the docstring, one that uses the name if there is one."""
    used = [e.source for e in examples(member) if not e.options.get(doctest.SKIP)]
    # importing is no example
    return any(re.search(pattern, text) for text in used if not text.startswith("import "))


def is_in_a_notebook(pattern: str) -> bool:
    return re.search(pattern, NOTEBOOK_CODE) is not None


def public_members() -> dict[str, object]:
    found = {}
    for space in cc.__all__:
        member = getattr(cc, space)
        if not inspect.ismodule(member):
            found[space] = member
            continue
        found |= {f"{space}.{name}": getattr(member, name) for name in member.__all__}
    return found


def methods_of_models() -> dict[str, object]:
    """Methods and properties whose code is ours, of the classes of models."""
    found = {}
    for class_name in cc.model.__all__:
        cls = getattr(cc.model, class_name)
        if not issubclass(cls, BaseModelClass):
            continue
        for base in cls.__mro__:
            for name, value in (
                vars(base).items() if base.__module__.startswith("cellclass.") else ()
            ):
                is_method = inspect.isroutine(value) or isinstance(value, property | classmethod)
                if is_method and not name.startswith("_"):
                    found.setdefault(f"{class_name}.{name}", inspect.getattr_static(cls, name))
    return found


def member_of(name: str) -> str:
    return name.rpartition(".")[2]


@pytest.mark.parametrize("name", sorted(set(public_members()) - NEED_THE_NETWORK))
def test_public_name_has_an_example_that_runs(name):
    used = rf"\b{member_of(name)}\b"
    assert runs(public_members()[name]) or is_in_a_notebook(used), (
        f"cc.{name} has no example that runs: add one to its docstring"
    )


@pytest.mark.parametrize("name", sorted(NEED_THE_NETWORK))
def test_public_name_that_needs_the_network_has_an_example(name):
    sources = [example.source for example in examples(public_members()[name])]
    assert any(name in source for source in sources)


@pytest.mark.parametrize("name", sorted(methods_of_models()))
def test_method_has_an_example_that_runs(name):
    used = rf"\.{member_of(name)}\b"
    member = methods_of_models()[name]
    # that of a class counts, and that of a method of the same name in another class
    others = [getattr(cc.model, class_name) for class_name in cc.model.__all__]
    others += [m for key, m in methods_of_models().items() if member_of(key) == member_of(name)]
    found = runs(getattr(member, "__func__", member)) or is_in_a_notebook(used)
    assert found or any(runs(getattr(other, "__func__", other), used) for other in others), (
        f"{name} is used by no example that runs: add one to its docstring"
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_page_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_page_is_in_a_table_of_contents():
    listed = {DOCS / "index.md"}
    for path in PAGES:
        for block in re.findall(
            r"```\{toctree\}(.*?)```", path.read_text("utf-8"), flags=re.DOTALL
        ):
            entries = [line.strip() for line in block.splitlines() if not line.startswith(":")]
            listed |= {path.parent / f"{entry}.md" for entry in entries if entry}
    assert set(PAGES) - listed == set()


def test_everything_cited_is_listed_and_the_other_way_round():
    listed = re.findall(
        r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text("utf-8"), re.MULTILINE
    )
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    cited = {key for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", text) for key in keys.split(",")}
    assert cited == set(listed)
    assert len(listed) == len(set(listed))


def test_glossary_has_the_terms():
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\S.*)$", page.partition("```{glossary}")[2], flags=re.MULTILINE)
    assert set(terms) >= TERMS


def includes() -> list[str]:
    """Names of the results that pages include."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    return re.findall(r"```\{include\} [./]*benchmarks/results/(\w+)\.md", text)


def test_results_of_benchmarks_are_shown_and_can_be_rerun():
    recorded = {path.stem for path in RESULTS.glob("*.md")}
    assert recorded == set(includes())
    commands = runpy.run_path(str(RESULTS.parent / "record.py"))["COMMANDS"]
    assert recorded <= set(commands)
    for name, runs_of in commands.items():
        for command in runs_of:
            assert (RESULTS.parent / command.split()[0]).is_file(), name
        pages = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
        assert f"record.py {name}\n" in pages, f"no page says how to rerun {name}"


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.md")), ids=lambda path: path.stem)
def test_result_says_how_it_was_made(path):
    last = path.read_text(encoding="utf-8").strip().split("\n")[-1]
    assert re.fullmatch(r"\*`python benchmarks/.+`: .+\.\*", last)
    assert re.search(r"as of release \d|20\d\d-\d\d-\d\d; cellclass .*; \d+ cores?\.\*$", last)


def recorder(tmp_path: Path, script: str) -> Path:
    """A copy of the recorder beside a benchmark of our own."""
    source = (RESULTS.parent / "record.py").read_text(encoding="utf-8")
    source = re.sub(
        r"^COMMANDS = \{.*?^\}",
        'COMMANDS = {"mine": ("mine.py {folder}",)}',
        source,
        flags=re.M | re.S,
    )
    (tmp_path / "record.py").write_text(source, encoding="utf-8")
    (tmp_path / "mine.py").write_text(script, encoding="utf-8")
    return tmp_path / "record.py"


def test_recorder_keeps_what_a_benchmark_prints(tmp_path):
    script = "print('All cells:\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\nand so on')"
    path = recorder(tmp_path, script)
    subprocess.run([sys.executable, path, "mine"], check=True, capture_output=True)
    lines = (tmp_path / "results" / "mine.md").read_text(encoding="utf-8").split("\n")
    assert lines[:7] == ["All cells:", "", "| a | b |", "|---|---|", "| 1 | 2 |", "", "and so on"]
    assert lines[-2].startswith("*`python benchmarks/mine.py FOLDER`: 20")
    assert f"cellclass {PROJECT['version']}" in lines[-2]


def test_recorder_shows_plain_text_as_it_is(tmp_path):
    path = recorder(tmp_path, "print('name   seconds')")
    subprocess.run([sys.executable, path, "mine"], check=True, capture_output=True)
    text = (tmp_path / "results" / "mine.md").read_text(encoding="utf-8")
    assert text.startswith("```text\nname   seconds\n```\n")


def test_recorder_leaves_the_file_of_a_benchmark_that_fails(tmp_path):
    path = recorder(tmp_path, "raise SystemExit(3)")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mine.md").write_text("before")
    done = subprocess.run([sys.executable, path, "mine"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "failed (3)" in done.stderr
    assert (tmp_path / "results" / "mine.md").read_text() == "before"
    unknown = subprocess.run([sys.executable, path, "other"], capture_output=True, text=True)
    assert "No benchmark is called other" in unknown.stderr


def test_citation_file():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert found["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license", "repository-code"} <= set(found)
    assert found["version"] == PROJECT["version"]
    assert found["license"] == PROJECT["license"]
    assert found["authors"]
    assert all({"name"} <= set(author) for author in found["authors"])


def test_entry_for_the_ecosystem_list():
    found = yaml.safe_load((DOCS / "ecosystem" / "meta.yaml").read_text(encoding="utf-8"))
    # what https://github.com/scverse/ecosystem-packages requires in its schema
    required = {"category", "contact", "description", "documentation_home", "install", "license"}
    assert required | {"name", "project_home", "tags", "version"} <= set(found)
    assert found["name"] == found["install"]["pypi"] == PROJECT["name"]
    assert found["version"] == PROJECT["version"]
    assert found["license"] == PROJECT["license"]
    assert found["category"] == "ecosystem"
    assert found["documentation_home"] == PROJECT["urls"]["Documentation"]
