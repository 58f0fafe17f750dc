"""A saved model of whichever class, by the folder that it was saved to."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

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
    return _CLASSES[name].load(folder, device=device)
