"""Files of a model: whole, its own, and never executed."""

import errno
import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from cellclass.errors import ModelFileError, WriteError
from cellclass.model._files import TENSORS, TEXT, read_model, write_model

TEXTS = {"note": "ä / b", "nested": {"list": [1, 2.5, None], "array": np.array(["x", "y"])}}
ARRAYS = {"contract.selected": np.arange(3), "contract.share": np.array([0.25, 0.75])}
WEIGHTS = {"module.head.weight": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture
def folder(tmp_path):
    write_model(tmp_path / "m", "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=False)
    return tmp_path / "m"


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")}


def test_there_and_back(folder):
    files = read_model(folder, "Some")
    assert files.text["note"] == "ä / b"
    assert files.text["nested"]["list"] == [1, 2.5, None]
    assert files.text["nested"]["array"].tolist() == ["x", "y"]
    for name, array in files.part("contract").items():
        np.testing.assert_array_equal(array, ARRAYS[f"contract.{name}"])
        assert array.dtype == ARRAYS[f"contract.{name}"].dtype
    assert torch.equal(files.weights["head.weight"], WEIGHTS["module.head.weight"])
    assert sorted(content(folder)) == [TEXT, TENSORS]


def test_writing_is_deterministic(folder, tmp_path):
    write_model(tmp_path / "n", "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=False)
    assert content(folder) == content(tmp_path / "n")


@pytest.mark.parametrize("name", [TEXT, TENSORS])
def test_every_flipped_byte_is_seen(folder, name):
    whole = (folder / name).read_bytes()
    places = np.linspace(0, len(whole) - 1, 60).astype(int)
    for place in places:
        for bit in (0, 4):
            altered = bytearray(whole)
            altered[place] ^= 1 << bit
            (folder / name).write_bytes(bytes(altered))
            with pytest.raises(ModelFileError):
                read_model(folder, "Some")
    (folder / name).write_bytes(whole)
    assert read_model(folder, "Some")


@pytest.mark.parametrize("name", [TEXT, TENSORS])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_truncated(folder, name, share):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelFileError, match=f"{name} (is truncated|is not the file)"):
        read_model(folder, "Some")


def test_a_number_changed_by_hand(folder):
    text = (folder / TEXT).read_text(encoding="utf-8")
    (folder / TEXT).write_text(text.replace("2.5", "2.6"), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"model.json is not the file that was saved"):
        read_model(folder, "Some")


@pytest.mark.parametrize("name", [TEXT, TENSORS])
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=f"{name} does not exist.*a part of it was lost"):
        read_model(folder, "Some")


def test_missing_folder(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        read_model(tmp_path / "nothing", "Some")


def test_another_class(folder):
    with pytest.raises(ModelFileError, match=r"holds a Some, not a Other.*Load it with Some.load"):
        read_model(folder, "Other")


def rewritten(folder, **changes):
    """Write the text file anew, with a right sha256."""
    text = json.loads((folder / TEXT).read_text(encoding="utf-8")) | changes
    text["sha256"][TEXT] = "0" * 64
    written = json.dumps(text)
    own = hashlib.sha256(written.encode()).hexdigest()
    (folder / TEXT).write_text(written.replace("0" * 64, own, 1))


def test_a_newer_format(folder):
    rewritten(folder, format=2)
    with pytest.raises(ModelFileError, match=r"file format 2.*up to 1.*pip install -U cellclass"):
        read_model(folder, "Some")


@pytest.mark.parametrize("text", ["[]", "{}", "3", '"x"', '{"format": 1}', "{\x00}"])
def test_foreign_json(folder, text):
    (folder / TEXT).write_text(text)
    with pytest.raises(ModelFileError, match="truncated or was altered"):
        read_model(folder, "Some")


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", [TEXT, TENSORS])
@pytest.mark.parametrize("matching_hash", [False, True])
def test_a_pickle_is_never_executed(folder, tmp_path, name, matching_hash):
    mark = tmp_path / "executed"
    payload = pickle.dumps(Bomb(mark))
    (folder / name).write_bytes(payload)
    if matching_hash and name == TENSORS:
        digest = hashlib.sha256(payload).hexdigest()
        rewritten(folder, sha256={TENSORS: digest, TEXT: ""})
    with pytest.raises(ModelFileError):
        read_model(folder, "Some")
    assert not mark.exists()


def test_an_existing_folder_is_kept(folder):
    before = content(folder)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_model(folder, "Some", {}, ARRAYS, WEIGHTS, overwrite=False)
    assert content(folder) == before


def test_overwrite_replaces_the_whole_folder(folder, tmp_path):
    write_model(folder, "Some", {"note": "new"}, ARRAYS, WEIGHTS, overwrite=True)
    assert read_model(folder, "Some").text["note"] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]


def test_overwrite_spares_what_is_no_model(folder, tmp_path):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="is not a saved model"):
        write_model(other, "Some", {}, ARRAYS, WEIGHTS, overwrite=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"also holds 'notes.txt'"):
        write_model(folder, "Some", {}, ARRAYS, WEIGHTS, overwrite=True)
    single = tmp_path / "file"
    single.write_text("x")
    with pytest.raises(FileExistsError, match="is not a saved model"):
        write_model(single, "Some", {}, ARRAYS, WEIGHTS, overwrite=True)
    assert (other / "chapter.txt").exists()
    assert (folder / "notes.txt").exists()
    assert single.read_text() == "x"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_no_half_written_folder(folder, tmp_path, monkeypatch, step, overwrite):
    """A full disk, or a kill, in the middle: the old model stays, a new one does not appear."""
    before = content(folder)
    target = folder if overwrite else tmp_path / "new"
    real = getattr(Path, step)
    n_calls = 0

    def fails(self, *args):
        nonlocal n_calls
        n_calls += 1
        last = 2 if (step == "write_bytes" or overwrite) else 1
        if n_calls == last:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *args)

    monkeypatch.setattr(Path, step, fails)
    monkeypatch.setattr("cellclass.io._whole_file.exchange", lambda *_: False)
    with pytest.raises(WriteError, match="the disk is full"):
        write_model(target, "Some", {"note": "new"}, ARRAYS, WEIGHTS, overwrite=overwrite)
    monkeypatch.undo()
    assert content(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]


def test_parents_are_made(tmp_path):
    write_model(tmp_path / "a" / "b" / "m", "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=False)
    assert read_model(str(tmp_path / "a" / "b" / "m"), "Some").text["note"] == "ä / b"
