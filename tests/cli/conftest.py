"""Files, and a model, that the verbs are tried out on."""

import json
import shutil
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

import cellclass as cc
from cellclass.cli import main

#: Options of a short training; the same as arguments of Python.
SHORT = ["--n-top-genes", "40", "--validation-size", "0.2", "--epochs", "2", "--accelerator", "cpu"]


def call(*arguments, code=0):
    """Run the command; a traceback is a failure of the test."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def told(*arguments, code=0):
    """Run the command with --json, and return its object: there is nothing else on the stream."""
    return json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture(scope="session")
def run():
    """The command, as a function of its arguments."""
    return call


@pytest.fixture(scope="session")
def run_json():
    """The command with --json."""
    return told


@pytest.fixture(scope="session")
def short():
    """Options of a short training."""
    return SHORT


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    adata = cc.datasets.simulate_counts(360, 80, n_labels=3, n_batches=2, n_markers=10, rng=0)
    adata.layers["counts"] = adata.X.copy()
    adata.layers["scaled"] = np.asarray(adata.X.todense() - 1.0)
    reference, query = adata[::2].copy(), adata[1::2].copy()
    for cells, name in ((reference, "reference"), (query, "query")):
        cells.write_h5ad(folder / f"{name}.h5ad")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anndata's own, of formats to come
            cells.write_zarr(folder / f"{name}.zarr")
    (folder / "table.csv").write_text("gene,AAACCTGAG-1,AAACCTGTC-1\nACTB,3,0\nGAPDH,1,2\n")
    call(
        "train", folder / "reference.h5ad", "--labels-key", "cell_type", *SHORT,
        "--out", folder / "model",
    )  # fmt: skip
    call(
        "predict", folder / "query.h5ad", "--model", folder / "model",
        "--out", folder / "labelled.h5ad",
    )  # fmt: skip
    return folder


@pytest.fixture
def folder(_made, tmp_path):
    """Files of small cells and a model, of the test's own."""
    return shutil.copytree(_made, tmp_path / "work")
