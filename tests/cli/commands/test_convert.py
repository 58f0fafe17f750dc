"""What is to be converted is told from the arguments; options of other conversions are refused."""

import pytest
from click.testing import CliRunner

from cellclass.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give the file to convert"),
        (["a.csv", "--ucsc", "x"], "leave out SOURCES"),
        (["a.csv", "b.h5ad"], "convert it first"),
        (["b.h5ad", "c.h5ad"], "give --labels-key"),
        (["b.h5ad", "--orientation", "auto"], "--orientation is for a text table"),
        (["a.csv", "--labels-key", "x"], "--labels-key is for several .h5ad or .zarr files"),
        (["a.csv", "--no-layouts"], "--no-layouts is for a dataset of the Cell Browser"),
        (["b.h5ad", "--max-memory", "1GB"], "--max-memory is for a text table"),
        (["b.h5ad", "--genes", "all"], "is not one of"),
    ],
)
def test_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.h5ad", "c.h5ad"):
        (tmp_path / name).touch()
    done = CliRunner().invoke(main, ["convert", *arguments, "--out", "x.h5ad"])
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.split())
