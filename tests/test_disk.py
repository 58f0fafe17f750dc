"""What a disk refuses, or gives back damaged, is said of the file."""

import errno
import shutil

import anndata as ad
import h5py
import pytest

from cellclass._disk import damaged, reading, writing
from cellclass.cli._files import read_cells
from cellclass.contract._rows import take_rows
from cellclass.errors import DownloadError, FileFormatError, WriteError
from cellclass.io._lazy_cells import cell_names, lazy_cells


def failing(error, *, new=False):
    with writing("folder/out.h5ad", new=new):
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EDQUOT])
def test_the_file_and_the_reason(number):
    with pytest.raises(WriteError, match=r"'folder/out\.h5ad' could not be written: the ") as found:
        failing(OSError(number, "as the system says it"))
    assert found.value.errno == number


def test_as_hdf5_says_it():
    with pytest.raises(WriteError, match="the disk is full"):
        failing(RuntimeError("Can't decrement id ref count (file write failed: errno = 28, …)"))


def test_as_copies_of_folders_say_it():
    with pytest.raises(WriteError, match="the disk is full") as found:
        failing(shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")] * 50))
    assert len(str(found.value)) < 400


def test_raised_while_another_was():
    def closes():
        try:
            raise OSError(errno.ENOSPC, "full")
        finally:
            raise RuntimeError("cannot close")

    with pytest.raises(WriteError, match="the disk is full"), writing("out"):
        closes()


def test_others_stay_what_they_are():
    for error in (FileNotFoundError(errno.ENOENT, "no"), RuntimeError("x"), DownloadError("y")):
        with pytest.raises(type(error)) as found:
            failing(error)
        assert found.value is error
    with pytest.raises(PermissionError):  # of what is read, perhaps
        failing(PermissionError(errno.EACCES, "no"))
    with pytest.raises(WriteError, match="there is no permission"):
        failing(PermissionError(errno.EACCES, "no"), new=True)


def test_what_a_library_cannot_read_is_named(tmp_path):
    path = tmp_path / "cells.h5ad"
    path.write_bytes(b"no HDF5")
    with pytest.raises(FileFormatError, match=r"cells\.h5ad' cannot be read as an ") as found:
        cell_names(path)
    assert found.value.path == path


def test_mistakes_of_our_own_are_not_blamed_on_the_file(tmp_path):
    with pytest.raises(KeyError), reading(tmp_path):
        {}["nothing"]


def test_damage_that_shows_below_the_standard_library(cells, tmp_path):
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    with h5py.File(path) as file:
        place = file["X"].attrs.get_id("encoding-type")  # a text of any length lies in a heap
        assert place.get_type().is_variable_str()
    content = path.read_bytes()
    broken = content.replace(b"GCOL", b"GC0L")
    assert broken != content
    path.write_bytes(broken)
    with pytest.raises(FileFormatError, match=r"cells\.h5ad' cannot be read as an "):
        read_cells(path)


@pytest.mark.filterwarnings("ignore:Writing zarr v2")  # of anndata 0.12
@pytest.mark.filterwarnings("ignore:.*will be removed in 0.14")  # of anndata 0.13
def test_damage_that_shows_below_other_libraries(cells, tmp_path):
    path = tmp_path / "cells.zarr"
    with ad.settings.override(zarr_write_format=2):
        cells.write_zarr(path)
    (path / ".zmetadata").unlink()  # or it is read instead
    (path / "X/data/.zarray").write_text("{")
    with (
        pytest.raises(FileFormatError, match=r"cells\.zarr' cannot be read as an "),
        lazy_cells(path) as opened,
    ):
        take_rows(opened.X, slice(0, 2))


def test_hdf5_does_not_say_that_memory_ran_out():
    said = OSError("Can't synchronously read data (filter returned failure during read)")
    assert "or memory ran out while it was unpacked (Can't" in str(damaged("a.h5ad", said))
    assert "memory" not in str(damaged("a.h5ad", OSError("bad object header")))
