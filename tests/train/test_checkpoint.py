"""Checkpoints of Lightning without a pickle."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from cellclass.errors import ModelFileError
from cellclass.train import SafeCheckpointIO


def test_what_is_written_is_read(tmp_path):
    checkpoint = {
        "epoch": 3,
        "state_dict": {"w": torch.randn(3, 2), "n": torch.tensor(5)},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(2.0)}}, "betas": (0.9, 0.999)}],
        "name": "a",
        "nothing": None,
        "yes": True,
        "path": Path("x"),
        "numpy": {"array": np.arange(3.0), "number": np.int64(4), "true": np.bool_(True)},
    }
    path = tmp_path / "deep" / "last.safetensors"
    SafeCheckpointIO().save_checkpoint(checkpoint, path)
    found = SafeCheckpointIO().load_checkpoint(path)
    torch.testing.assert_close(found["state_dict"], checkpoint["state_dict"], atol=0, rtol=0)
    state = found["optimizer_states"][0]
    assert state["betas"] == (0.9, 0.999)
    assert state["state"][0]["step"] == 2.0
    assert (found["epoch"], found["name"], found["nothing"], found["yes"]) == (3, "a", None, True)
    assert found["path"] == "x"
    assert found["numpy"]["array"].tolist() == [0.0, 1.0, 2.0]
    assert (found["numpy"]["number"], found["numpy"]["true"]) == (4, True)
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]


def test_a_pickle_is_not_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    path = tmp_path / "last.safetensors"
    path.write_bytes(pickle.dumps({"state_dict": Trap()}))
    with pytest.raises(ModelFileError, match=r"last\.safetensors was damaged"):
        SafeCheckpointIO().load_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


def test_what_cannot_be_kept_is_refused_and_the_last_one_stays(tmp_path):
    path = tmp_path / "last.safetensors"
    SafeCheckpointIO().save_checkpoint({"a": 1}, path)
    with pytest.raises(TypeError, match="cannot hold a set"):
        SafeCheckpointIO().save_checkpoint({"a": {1, 2}}, path)
    assert SafeCheckpointIO().load_checkpoint(path) == {"a": 1}


def test_every_flipped_byte_is_seen(tmp_path):
    path = tmp_path / "last.safetensors"
    SafeCheckpointIO().save_checkpoint({"w": torch.arange(4.0), "n": 3}, path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(ModelFileError, match="was damaged"):
            SafeCheckpointIO().load_checkpoint(path)
