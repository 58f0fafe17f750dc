"""Configuration of the documentation; builds without the network."""

import importlib
import inspect
import os
import re
import shutil
from importlib.metadata import metadata
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent

info = metadata("cellclass")
project = info["Name"]
author = "cellclass developers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = info["Version"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "Thumbs.db", ".DS_Store", "**.ipynb_checkpoints"]
default_role = "literal"
smartquotes_action = "De"  # dashes and ellipses; the quotes of names stay as they are
bibtex_bibfiles = ["references.bib"]

# Notebooks live beside the package; copies of them are shown, as they were last executed.
copies = HERE / "generated" / "notebooks"
notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
shutil.rmtree(copies, ignore_errors=True)
copies.mkdir(parents=True)
for notebook in notebooks:
    shutil.copyfile(notebook, copies / notebook.name)
suppress_warnings = [] if notebooks else ["toc.not_readable"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_include_init_with_doc = False
napoleon_use_rtype = True
napoleon_use_param = True

# Other projects' links are fetched only where the network is there for it.
intersphinx_mapping = {}
if os.environ.get("CELLCLASS_DOCS_ONLINE") == "1":
    intersphinx_mapping = {
        "anndata": ("https://anndata.readthedocs.io/en/stable/", None),
        "matplotlib": ("https://matplotlib.org/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "python": ("https://docs.python.org/3", None),
        "scanpy": ("https://scanpy.readthedocs.io/en/stable/", None),
        "scipy": ("https://docs.scipy.org/doc/scipy/", None),
        "scvi-tools": ("https://docs.scvi-tools.org/en/stable/", None),
        "torch": ("https://docs.pytorch.org/docs/stable/", None),
    }

html_theme = "sphinx_book_theme"
html_title = project
html_theme_options = {
    "repository_url": "https://github.com/cellclass/cellclass",
    "repository_branch": "main",
    "path_to_docs": "docs",
    "use_repository_button": True,
    "use_issues_button": True,
    "show_navbar_depth": 1,
}


def _own_members(namespace: str) -> dict[str, list[str]]:
    """Methods of public classes whose code is in this package; those of scvi-tools are many."""
    module = importlib.import_module(f"cellclass.{namespace}")
    own = {}
    for name in module.__all__:
        cls = getattr(module, name)
        if not inspect.isclass(cls):
            continue
        own[f"cellclass.{namespace}.{name}"] = [
            member
            for base in reversed(cls.__mro__)
            if base.__module__.startswith("cellclass.")
            for member, value in vars(base).items()
            if not member.startswith("_")
            and (inspect.isroutine(value) or isinstance(value, property | classmethod))
        ]
    return {key: list(dict.fromkeys(members)) for key, members in own.items()}


autosummary_context = {"own_members": _own_members("metrics") | _own_members("model")}


def _plain_field_names(_app, _what, _name, _obj, _options, lines: list[str]) -> None:
    """Drop the backticks around a field under Returns: napoleon sets its name in bold."""
    for i, (line, below) in enumerate(zip(lines, [*lines[1:], ""], strict=True)):
        names, colon, kind = line.partition(" : ")
        if colon and re.fullmatch(r"`[^`]+`(, `[^`]+`)*", names) and below.startswith("    "):
            lines[i] = names.replace("`", "") + colon + kind


def setup(app) -> None:
    """Connect what changes docstrings, before napoleon reads them."""
    app.connect("autodoc-process-docstring", _plain_field_names, priority=400)
