"""A saved model of whichever class, by the folder that it was saved to."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import torch

from cellclass.errors import ModelFileError
from cellclass.model import CellClassifierCNN, CellClassifierMLP, CellPerformer

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = "model.json"
_CLASSES = {made.__name__: made for made in (CellClassifierMLP, CellClassifierCNN, CellPerformer)}


def load_model(folder: Path, *, device: str = "auto") -> Any:  # noqa: ANN401 - any of the classes
    """Load a model, after its file has said of which class it is.

    Raises
    ------
    ModelFileError
        The folder holds none, or one of a class that this version does not know.
    ValueError
        There is no such device.
    """
    name = CellClassifierMLP.__name__  # whose `load` says what is wrong with the files
    if (folder / _TEXT).is_file():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            name = json.loads((folder / _TEXT).read_bytes())["class"]
        if name not in _CLASSES:
            raise ModelFileError(
                f"{folder} holds a {name}, which this version of cellclass does not know; it knows "
                f"{', '.join(_CLASSES)}. Upgrade: pip install -U cellclass."
            )
    _check_device(device)
    return _CLASSES[name].load(folder, device=device)


def _check_device(device: str) -> None:
    """Refuse a device that is not there."""
    if device == "auto":
        return
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is no device of torch: auto, cpu, cuda …") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(kind, False):
        raise ValueError(f"device={device!r} is not there; cellclass info lists the devices.")
