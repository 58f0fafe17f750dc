"""A file that would have another one read is refused, wherever files of cells are opened."""

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import cellclass as cc
from cellclass.cli import main
from cellclass.errors import FileFormatError
from cellclass.io._mudata_file import read_mudata

SECRET = b"a secret of this machine"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def honest(tmp_path, query):
    path = tmp_path / "cells.h5ad"
    query.write_h5ad(path)
    return path


def numbers_outside(file, secret):
    file.create_dataset(
        "uns/stolen", (len(SECRET),), dtype="u1", external=[(str(secret), 0, len(SECRET))]
    )


def link_outside(file, secret):
    file["uns/stolen"] = h5py.ExternalLink(str(secret), "/")


def virtual_outside(file, secret):
    layout = h5py.VirtualLayout((3,), dtype="f4")
    layout[:] = h5py.VirtualSource(str(secret), "X", (3,))
    file.create_virtual_dataset("obsm/stolen", layout)


WAYS = (numbers_outside, link_outside, virtual_outside)


@pytest.mark.parametrize("way", WAYS)
def test_what_lies_in_another_file_is_not_read(way, honest, secret, model, tmp_path):
    with h5py.File(honest, "r+") as file:
        way(file, secret)
    with pytest.raises(FileFormatError, match=r"names another file, .*secret") as caught:
        cc.tl.annotate(honest, model, out=tmp_path / "out.h5ad")
    assert caught.value.path == honest
    with pytest.raises(FileFormatError, match="names another file"):
        cc.io.concat_references({"a": honest, "b": honest}, labels_key="cell_type")
    found = CliRunner().invoke(main, ["info", str(honest)])
    assert found.exit_code != 0
    assert not (tmp_path / "out.h5ad").exists()


def test_nor_in_a_mudata(tmp_path, secret):
    path = tmp_path / "cells.h5mu"
    with h5py.File(path, "w") as file:
        file.create_group("mod")
        file.create_group("uns")
        numbers_outside(file, secret)
    with pytest.raises(FileFormatError, match="names another file"):
        read_mudata(path)


def test_links_and_virtual_arrays_within_the_file_are_fine(honest, model, tmp_path):
    with h5py.File(honest, "r+") as file:
        file["uns/again"] = h5py.SoftLink("/obs")
        file["uns/dangling"] = h5py.SoftLink("/nowhere")
        n = len(file["obs/" + file["obs"].attrs["_index"]])
        file["uns/numbers"] = np.arange(n)
        layout = h5py.VirtualLayout((n,), dtype="i8")
        layout[:] = h5py.VirtualSource(file["uns/numbers"])
        file.create_virtual_dataset("uns/same", layout)
    cc.tl.annotate(honest, model, out=tmp_path / "out.csv", layer="counts")
