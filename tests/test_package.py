"""The conventions of the package, as tests."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cellclass as cc
from cellclass import _keys

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cellclass"
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = {"lightning", "scanpy", "scvi", "torch"}
LIGHT_NAMESPACES = {"datasets", "errors", "get", "io", "metrics", "pp"}
NAMESPACES = {
    "datasets": {
        "celllines3_2tech",
        "gene2vec",
        "hgnc_symbols",
        "mouse_bladder",
        "mouse_cortex_osmfish",
        "mouse_cortex_starmap",
        "pbmc5k",
        "pbmc10k_citeseq",
        "pbmc68k_reduced",
        "simulate_counts",
    },
    "errors": {
        "CellclassError",
        "DownloadError",
        "FileFormatError",
        "GeneError",
        "LabelError",
        "ModelFileError",
        "NotTrainedError",
        "ScaleError",
        "ValuesError",
    },
    "get": {
        "baseline_df",
        "composition_df",
        "evaluation_df",
        "gene_attributions_df",
        "predictions_df",
        "rank_genes_js_df",
    },
    "io": {
        "concat_references",
        "convert_gene_by_cell",
        "read_gene_by_cell",
        "read_ucsc_cell_browser",
    },
    "metrics": {
        "attribution_stability",
        "classification_report_df",
        "correct_proportions",
        "estimate_prior_shift",
        "expected_calibration_error",
        "reliability_curve",
    },
    "model": {"CellClassifierCNN", "CellClassifierMLP"},
    "pl": {
        "calibration",
        "composition",
        "confusion_matrix",
        "gene_attributions",
        "novelty",
        "rank_genes_js",
        "training_history",
    },
    "pp": {
        "align_genes",
        "bin_values",
        "harmonize_labels",
        "identify_scale",
        "normalize_scale",
        "rank_genes_js",
        "rank_value_encode",
        "select_genes_mrmr",
        "split_cells",
    },
    "tl": {
        "annotate",
        "attribute_genes",
        "compare_composition",
        "cross_validate",
        "evaluate",
        "majority_vote",
        "roll_up_labels",
        "tune",
    },
}
# The root holds namespaces, and a function for what is no part of any.
FUNCTIONS = {"report"}
ON_ADATA = ("get", "pl", "pp", "tl")
# These say what they find and write nothing, or only what they are told to.
RETURNS_ITS_FINDINGS = {
    "cc.pp.harmonize_labels",
    "cc.pp.identify_scale",
    "cc.tl.cross_validate",
    "cc.tl.tune",
}
# The course of a training stands in the model; no AnnData knows it.
FIRST_ARGUMENT = {"cc.pl.training_history": "model"}


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def public_functions(namespace: str) -> dict[str, object]:
    module = importlib.import_module(f"cellclass.{namespace}")
    members = {name: getattr(module, name) for name in module.__all__}
    return {name: member for name, member in members.items() if inspect.isfunction(member)}


@pytest.fixture(params=sorted(NAMESPACES))
def namespace(request) -> str:
    return request.param


def test_namespaces_are_the_ones_of_the_package():
    assert set(cc.__all__) == set(NAMESPACES) | FUNCTIONS


def test_namespace_holds_the_public_names(namespace):
    module = getattr(cc, namespace)
    assert set(module.__all__) >= NAMESPACES[namespace]
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("cellclass."), name


def test_unknown_name_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        cc.nonsense  # noqa: B018


@pytest.mark.parametrize("name", [None, *sorted(LIGHT_NAMESPACES)])
def test_import_is_light(name):
    use = "" if name is None else f"[getattr(cc.{name}, member) for member in cc.{name}.__all__]"
    code = f"import sys, cellclass as cc\n{use}\nprint(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path != SOURCE / "__init__.py"], ids=name_of
)
def test_nobody_imports_the_root_from_inside(path):
    for node in ast.walk(ast.parse(path.read_text())):
        where = f"{name_of(path)}:{getattr(node, 'lineno', 0)} imports the package root"
        if isinstance(node, ast.Import):
            assert "cellclass" not in {alias.name for alias in node.names}, where
        if isinstance(node, ast.ImportFrom):
            assert node.module != "cellclass", f"{where}: from cellclass.… import …"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_is_short(path):
    n_lines = len(path.read_text().splitlines())
    assert n_lines <= 400


def test_api_page_lists_every_public_name_and_nothing_else():
    page = (ROOT / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^    ((?:[a-z_]+\.)*\w+)$", page, flags=re.MULTILINE))
    public = {f"{name}.{member}" for name in NAMESPACES for member in getattr(cc, name).__all__}
    assert listed == public | FUNCTIONS


def literals_outside_docstrings(tree: ast.Module) -> list[tuple[int, str]]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def written_names() -> tuple[set[str], set[str]]:
    """Return the names and suffixes of `_keys` that can mean nothing else where they stand."""
    constants = {value for key, value in vars(_keys).items() if key.isupper()}
    makers = [getattr(_keys, name) for name in dir(_keys) if name.endswith("_key")]
    # single words also name arguments and tables; `rank_genes_js` is a function, too
    names = {name for name in constants if "_" in name} | {_keys.UNASSIGNED}
    return names - {_keys.RANK_GENES_JS}, {maker("") for maker in makers}


def test_the_names_to_look_for_are_found():
    names, suffixes = written_names()
    assert {"js_divergence", "js_rank", "js_selected", "contract_report", "unassigned"} <= names
    assert {"_confidence", "_novelty_pvalue", "_probability", "_evaluation"} <= suffixes


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "_keys.py"], ids=name_of)
def test_written_names_stand_in_keys_only(path):
    names, suffixes = written_names()
    names |= suffixes | {_keys.ANNOTATE + suffix for suffix in suffixes}
    for line, text in literals_outside_docstrings(ast.parse(path.read_text())):
        assert text not in names, f"{name_of(path)}:{line} spells {text!r}: use _keys"


@pytest.mark.parametrize("space", ON_ADATA)
def test_signatures(space):
    functions = public_functions(space)
    assert set(functions) >= NAMESPACES[space]
    for name, function in functions.items():
        where = f"cc.{space}.{name}"
        parameters = list(inspect.signature(function).parameters.values())
        assert parameters[0].name == FIRST_ARGUMENT.get(where, "adata"), where
        assert len([p for p in parameters if p.kind is not p.KEYWORD_ONLY]) <= 3, where
        variadic = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        assert not variadic & {p.kind for p in parameters}, where
        for parameter in parameters:
            assert parameter.annotation is not inspect.Parameter.empty, f"{where}: {parameter}"
            if isinstance(parameter.default, bool):
                assert parameter.kind is parameter.KEYWORD_ONLY, f"{where}: {parameter}"


def test_functions_that_write_can_copy():
    for space in ("pp", "tl"):
        for name, function in public_functions(space).items():
            if f"cc.{space}.{name}" in RETURNS_ITS_FINDINGS:
                continue
            signature = inspect.signature(function)
            assert signature.parameters["copy"].default is False, f"cc.{space}.{name}"
            assert signature.return_annotation == "AnnData | None", f"cc.{space}.{name}"


def test_plots_take_axes():
    for name, function in public_functions("pl").items():
        signature = inspect.signature(function)
        for argument in ("ax", "show"):
            assert signature.parameters[argument].default is None, f"cc.pl.{name}: {argument}"
            assert signature.parameters[argument].kind is inspect.Parameter.KEYWORD_ONLY
        assert signature.return_annotation == "Axes", f"cc.pl.{name}"


def test_getters_return_data_frames():
    for name, function in public_functions("get").items():
        assert inspect.signature(function).return_annotation == "pd.DataFrame", f"cc.get.{name}"


def test_public_names_have_docstrings_with_returns(namespace):
    for name, function in public_functions(namespace).items():
        text = inspect.getdoc(function) or ""
        assert "\nReturns\n---" in text, f"cc.{namespace}.{name}"
        if list(inspect.signature(function).parameters):
            assert "\nParameters\n---" in text, f"cc.{namespace}.{name}"
