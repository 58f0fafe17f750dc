"""The command starts fast and says what it can do."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from cellclass.cli import main

HEAVY = "{'torch', 'scvi', 'scanpy', 'lightning', 'matplotlib', 'numba'}"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["demo", "--help"]])
def test_help(arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_version():
    done = CliRunner().invoke(main, ["--version"])
    assert done.output.split() == ["cellclass", version("cellclass")]


def test_unknown_verb():
    done = CliRunner().invoke(main, ["trian"])
    assert done.exit_code == 2
    assert "No such command" in done.output


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]])
def test_help_is_light(arguments):
    code = (
        "import sys\nfrom cellclass.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', *sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("loaded:")


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "cellclass", "--help"], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout
