"""The command starts fast and says what it can do."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from cellclass.cli import main

HEAVY = (
    "{'torch', 'scvi', 'scanpy', 'lightning', 'matplotlib', 'numba', 'anndata', 'pandas', 'numpy'}"
)


VERBS = ("demo", "info", "rank-genes", "train", "predict", "evaluate", "report", "convert")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([verb, "--help"] for verb in VERBS)])
def test_help(arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_verbs_in_the_order_of_use():
    lines = CliRunner().invoke(main, ["--help"]).output.split("Commands:")[1].strip().splitlines()
    assert tuple(line.split()[0] for line in lines) == VERBS


def test_version():
    done = CliRunner().invoke(main, ["--version"])
    assert done.output.split() == ["cellclass", version("cellclass")]


def test_unknown_verb():
    done = CliRunner().invoke(main, ["trian"])
    assert done.exit_code == 2
    assert "No such command" in done.output


def test_help_is_light():
    code = (
        "import sys\nfrom cellclass.cli import main\n"
        f"for verb in {VERBS}:\n"
        "    try:\n        main([verb, '--help'])\n    except SystemExit:\n        pass\n"
        f"print('loaded:', *sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("loaded:")


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "cellclass", "--help"], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout
