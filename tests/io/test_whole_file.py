import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cellclass.errors import WriteError
from cellclass.io import _whole_file as module
from cellclass.io._whole_file import whole_file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_name_is_there_when_it_is_complete(tmp_path):
    with whole_file(tmp_path / "out.h5ad", overwrite=False) as folder:
        assert folder.parent == tmp_path
        assert folder.name.endswith(".partial")
        (folder / "parts").write_text("more")
        (folder / "out.h5ad").write_text("whole")
        assert not (tmp_path / "out.h5ad").exists()
    assert names(tmp_path) == ["out.h5ad"]
    assert (tmp_path / "out.h5ad").read_text() == "whole"


@pytest.mark.parametrize("was", [None, "old"])
def test_nothing_is_left_on_an_error(tmp_path, was):
    out = tmp_path / "out"
    if was:
        out.write_text(was)

    def fail():
        with whole_file(out, overwrite=True) as folder:
            (folder / "out").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == (["out"] if was else [])
    assert not was or out.read_text() == was


def test_a_folder_replaces_a_folder(tmp_path):
    out = tmp_path / "out.zarr"
    out.mkdir()
    (out / "old").write_text("old")
    with whole_file(out, overwrite=True) as folder:
        (folder / "out.zarr" / "deep").mkdir(parents=True)
        (folder / "out.zarr" / "deep" / "new").write_text("new")
    assert names(tmp_path) == ["out.zarr"]
    assert names(out) == ["deep"]


def test_what_is_there_is_refused(tmp_path):
    out = tmp_path / "out"
    out.write_text("old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        whole_file(out, overwrite=False).__enter__()
    out.unlink()

    def meet():
        with whole_file(out, overwrite=False) as folder:
            (folder / "out").write_text("new")
            out.write_text("of somebody else")

    with pytest.raises(FileExistsError, match="overwrite=True"):
        meet()
    assert out.read_text() == "of somebody else"
    assert names(tmp_path) == ["out"]


def test_what_appears_in_the_meantime_is_not_replaced(tmp_path):
    out = tmp_path / "out.h5ad"

    def write():
        with whole_file(out, overwrite=False) as folder:
            (folder / out.name).write_text("new")
            out.write_text("of somebody else")

    with pytest.raises(FileExistsError):
        write()
    assert out.read_text() == "of somebody else"


@pytest.mark.parametrize("before", ["folder", "file"])
@pytest.mark.parametrize("after", ["folder", "file"])
def test_files_and_folders_replace_each_other(tmp_path, before, after):
    out = tmp_path / "out.zarr"
    for kind in (before, after):
        with whole_file(out, overwrite=True) as folder:
            made = folder / out.name
            made.mkdir() if kind == "folder" else made.write_text("x")
        assert out.is_dir() == (kind == "folder")
    assert [file.name for file in tmp_path.iterdir()] == ["out.zarr"]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="Make it first"):
        whole_file(tmp_path / "none" / "out", overwrite=False).__enter__()


def test_what_a_killed_process_left_is_removed(tmp_path):
    out = tmp_path / "out"
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    prefix = module._prefix(out)
    left = tmp_path / f"{prefix}{int(ended.stdout)}-abc.partial"
    kept = [f"{prefix}{os.getpid()}-abc.partial", ".out.another_host-1-abc.partial"]
    for folder in (left, *(tmp_path / name for name in kept)):
        folder.mkdir()
    with whole_file(out, overwrite=False) as folder:
        (folder / "out").write_text("whole")
    assert names(tmp_path) == sorted([*kept, "out"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")
@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
@pytest.mark.oldest
def test_ten_kills_leave_nothing_or_all_and_a_restart_completes(tmp_path, suffix):
    script = Path(__file__).with_name("_killed.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, suffix], stdout=subprocess.PIPE, text=True, check=True
    )
    result = json.loads(done.stdout)
    assert result["first"] == result["last"] == "complete"
    assert len(result["found"]) == 10
    assert set(result["found"]) <= {"nothing", "complete"}
    assert result["partial"] > 0, "no process was killed in its work"
    assert result["restart"] == 0
    assert result["left"] == ["in.csv", f"out{suffix}"]


def test_what_would_have_been_replaced_is_put_back(tmp_path):
    """A process was killed where a folder cannot be exchanged in one step."""
    out = tmp_path / "out"
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    left = tmp_path / f"{module._prefix(out)}{int(ended.stdout)}-abc.partial"
    (left / "replaced").mkdir(parents=True)
    (left / "replaced" / "old").write_text("old")
    with pytest.raises(FileExistsError):
        whole_file(out, overwrite=False).__enter__()
    assert names(tmp_path) == ["out"]
    assert (out / "old").read_text() == "old"


@pytest.mark.parametrize("can", [True, False])
def test_a_folder_is_there_or_put_back(tmp_path, monkeypatch, can):
    out = tmp_path / "out"
    out.mkdir()
    real = Path.replace

    def fails(self, to):
        if self.name == "out" and self != out:
            raise KeyboardInterrupt
        return real(self, to)

    def write():
        with whole_file(out, overwrite=True) as folder:
            (folder / "out").mkdir()
            (folder / "out" / "new").touch()

    monkeypatch.setattr(Path, "replace", fails)
    if not can:
        monkeypatch.setattr(module, "exchange", lambda *_: False)
        with pytest.raises(KeyboardInterrupt):
            write()
    elif module.exchange(out, out):
        write()
    assert names(tmp_path) == ["out"]


def test_a_full_disk_is_named(tmp_path):
    def write():
        with whole_file(tmp_path / "out.h5ad", overwrite=False):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WriteError, match=r"out\.h5ad' could not be written: the disk is full"):
        write()
    assert names(tmp_path) == []
