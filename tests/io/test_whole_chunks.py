"""Chunks of a zarr folder that Blosc would read beyond their end."""

import json

import anndata as ad
import numpy as np
import pytest
import zarr
from numcodecs import Blosc

import cellclass as cc
from cellclass.cli._files import read_cells
from cellclass.contract._rows import take_rows
from cellclass.errors import FileFormatError
from cellclass.io._lazy_cells import lazy_cells
from cellclass.io._whole_chunks import check_chunks


@pytest.fixture(params=[2, 3])
def folder(request, tmp_path):
    """Two arrays, one of them compressed with Blosc, in several chunks."""
    path = tmp_path / "cells.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=request.param)
    blosc = Blosc() if request.param == 2 else zarr.codecs.BloscCodec()
    for name, compressors in (("blosc", blosc), ("other", None)):
        made = group.create_array(
            name, shape=(40, 50), chunks=(20, 25), dtype="int32", compressors=compressors
        )
        made[:] = np.arange(2000).reshape(40, 50)
    return path


def chunks_of(folder, name):
    metadata = (".zarray", ".zattrs", "zarr.json")
    return sorted(
        file for file in (folder / name).rglob("*") if file.is_file() and file.name not in metadata
    )


def test_whole_chunks_pass(folder):
    assert len(chunks_of(folder, "blosc")) == 4
    check_chunks(folder)


@pytest.mark.parametrize("n_bytes", [0, 10, 16, -1])
def test_a_chunk_that_was_cut_short(folder, n_bytes):
    chunk = chunks_of(folder, "blosc")[2]
    chunk.write_bytes(chunk.read_bytes()[:n_bytes])
    with pytest.raises(FileFormatError, match=r"cells\.zarr' cannot be read .* bytes, of which"):
        check_chunks(folder)


def test_a_chunk_that_is_too_long(folder):
    chunk = chunks_of(folder, "blosc")[0]
    chunk.write_bytes(chunk.read_bytes() + b"more")
    with pytest.raises(FileFormatError, match="of which its header says there are"):
        check_chunks(folder)


def test_what_blosc_did_not_write_is_left_to_zarr(folder):
    chunk = chunks_of(folder, "other")[0]
    chunk.write_bytes(b"")
    chunks_of(folder, "blosc")[0].with_name("notes.txt").write_text("by hand")
    check_chunks(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"shape": [1], "codecs": []}', '{"shape": 0}'])
def test_damaged_metadata_are_left_to_zarr(folder, text):
    for name in (".zarray", "zarr.json"):
        if (folder / "blosc" / name).exists():
            (folder / "blosc" / name).write_text(text)
    chunks_of(folder, "blosc")[0].write_bytes(b"")
    check_chunks(folder)


def test_a_part_of_it(folder):
    chunks_of(folder, "blosc")[0].write_bytes(b"")
    check_chunks(folder, ("other", "nothing"))
    check_chunks(folder, ())
    with pytest.raises(FileFormatError, match=r"cells\.zarr' cannot be read"):
        check_chunks(folder, ("other", "blosc"))


def test_codecs_by_their_long_name(folder):
    path = folder / "blosc" / "zarr.json"
    if not path.exists():
        pytest.skip("of the third version")
    metadata = json.loads(path.read_text())
    metadata["codecs"][-1]["name"] = "numcodecs.blosc"
    path.write_text(json.dumps(metadata))
    chunk = chunks_of(folder, "blosc")[0]
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(FileFormatError):
        check_chunks(folder)


@pytest.mark.filterwarnings("ignore:Writing zarr v2")  # of anndata 0.12
@pytest.mark.filterwarnings("ignore:.*will be removed in 0.14")  # of anndata 0.13
def test_wherever_cells_are_read(tmp_path):
    cells = cc.datasets.pbmc68k_reduced()[:50].copy()
    path = tmp_path / "cells.zarr"
    with ad.settings.override(zarr_write_format=2):
        cells.write_zarr(path)
    chunk = max((path / "X").rglob("*"), key=lambda file: file.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])
    with pytest.raises(FileFormatError), lazy_cells(path) as opened:
        take_rows(opened.X, slice(0, cells.n_obs))
    with pytest.raises(FileFormatError):
        read_cells(path)
    with pytest.raises(FileFormatError):
        cc.io.concat_references({"one": path}, labels_key="cell_type", out=tmp_path / "all.h5ad")


@pytest.fixture
def shards(tmp_path):
    """Cells with a dense matrix in shards of four chunks each, compressed with Blosc."""
    cells = cc.datasets.pbmc68k_reduced()[:40].copy()
    cells.X = cells.X.toarray()
    path = tmp_path / "cells.zarr"
    with ad.settings.override(zarr_write_format=3):
        cells.write_zarr(path)
    group = zarr.open_group(path)
    attributes = dict(group["X"].attrs)
    made = group.create_array(
        "X", shape=cells.shape, chunks=(20, 400), shards=(40, 800), dtype="float32",
        compressors=zarr.codecs.BloscCodec(), overwrite=True,
    )  # fmt: skip
    made[:] = cells.X
    made.attrs.update(attributes)
    zarr.consolidate_metadata(path)
    np.testing.assert_array_equal(read_cells(path).X, cells.X)
    return path


@pytest.mark.filterwarnings("ignore:zarr v3 autosharding")  # of anndata 0.12
@pytest.mark.filterwarnings("ignore:Consolidated metadata")  # of zarr 3
@pytest.mark.filterwarnings("ignore:.*will be removed in 0.14")  # of anndata 0.13
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, -1])
def test_a_shard_that_was_cut_short(shards, share):
    [shard] = chunks_of(shards, "X")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: int(share * len(whole)) if share >= 0 else -1])
    with pytest.raises(FileFormatError, match=r"cells\.zarr"):
        read_cells(shards)
    with pytest.raises(FileFormatError, match=r"cells\.zarr"), lazy_cells(shards) as opened:
        take_rows(opened.X, slice(0, 40))
