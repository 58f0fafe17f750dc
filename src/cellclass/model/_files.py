"""Saved models: JSON and safetensors, read without executing anything."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from cellclass.errors import ModelFileError

if TYPE_CHECKING:
    from os import PathLike

TEXT = "model.json"
TENSORS = "model.safetensors"
#: Raised when the layout of the files changes; older ones stay readable.
FORMAT = 1
# Stands in the text file for its own sha256 while that is computed.
_NO_HASH = "0" * 64


@dataclass(frozen=True)
class ModelFiles:
    """What a model's folder holds.

    Attributes
    ----------
    text
        The JSON file.
    arrays
        numpy arrays of contract and novelty scorer, by dotted name.
    weights
        The network's state, by torch's names.
    """

    text: dict[str, Any]
    arrays: dict[str, np.ndarray]
    weights: dict[str, torch.Tensor]

    def part(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays whose dotted name starts with `name`."""
        head = f"{name}."
        return {k.removeprefix(head): v for k, v in self.arrays.items() if k.startswith(head)}


def write_model(
    dir_path: str | PathLike[str],
    model_class: str,
    text: dict[str, Any],
    arrays: dict[str, np.ndarray],
    weights: dict[str, torch.Tensor],
    *,
    overwrite: bool,
) -> None:
    """Write a model's folder; it gets its name when it is complete."""
    target = Path(dir_path)
    if target.exists() and not overwrite:
        raise FileExistsError(
            f"{target} exists. Choose another folder, or replace it with save(…, overwrite=True)."
        )
    if target.exists():
        _check_only_a_model(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
    tensors |= {k: v.detach().cpu().contiguous() for k, v in weights.items()}
    packed = save_tensors(tensors)
    head = {
        "format": FORMAT,
        "class": model_class,
        "sha256": {TENSORS: hashlib.sha256(packed).hexdigest(), TEXT: _NO_HASH},
    }
    written = json.dumps(_plain(head | text), indent=1, allow_nan=False)
    written = written.replace(_NO_HASH, _sha256_of_text(written), 1)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        made = Path(folder) / "model"
        made.mkdir()
        (made / TENSORS).write_bytes(packed)
        (made / TEXT).write_bytes(written.encode())
        replaced = Path(folder) / "replaced"
        if target.exists():
            target.rename(replaced)
        try:
            made.rename(target)
        except BaseException:
            if replaced.exists():
                replaced.rename(target)
            raise


def read_model(dir_path: str | PathLike[str], model_class: str) -> ModelFiles:
    """Read a model's folder, after checking that it is whole and of the class expected."""
    folder = Path(dir_path)
    for name in (TEXT, TENSORS):
        if not (folder / name).is_file():
            raise ModelFileError(
                f"{folder / name} does not exist: {folder} is not a model saved by cellclass, or "
                "a part of it was lost."
            )
    try:
        written = (folder / TEXT).read_bytes().decode()
        text = json.loads(written)
        found = (text["format"], text["class"], text["sha256"][TENSORS])
        own = text["sha256"][TEXT]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{folder / TEXT} is truncated or was altered ({error}). Save the model again."
        ) from error
    if not isinstance(found[0], int) or found[0] > FORMAT:
        raise ModelFileError(
            f"{folder} has file format {found[0]}, this cellclass reads up to {FORMAT}. "
            "Upgrade: pip install -U cellclass."
        )
    if found[1] != model_class:
        raise ModelFileError(
            f"{folder} holds a {found[1]}, not a {model_class}. Load it with "
            f"cc.model.{found[1]}.load(…)."
        )
    if own != _sha256_of_text(written.replace(str(own), _NO_HASH, 1)):
        raise ModelFileError(
            f"{folder / TEXT} is not the file that was saved (its sha256 differs): it was altered. "
            "Copy or save the model again."
        )
    packed = (folder / TENSORS).read_bytes()
    if hashlib.sha256(packed).hexdigest() != found[2]:
        raise ModelFileError(
            f"{folder / TENSORS} is not the file that was saved (its sha256 differs): it was "
            "altered or truncated. Copy or save the model again."
        )
    try:
        tensors = load_tensors(packed)
    except SafetensorError as error:
        raise ModelFileError(f"{folder / TENSORS} cannot be read: {error}.") from error
    weights = {k.removeprefix("module."): v for k, v in tensors.items() if k.startswith("module.")}
    arrays = {k: v.numpy() for k, v in tensors.items() if not k.startswith("module.")}
    return ModelFiles(_revived(text), arrays, weights)


def _check_only_a_model(folder: Path) -> None:
    """Refuse to replace what is not a saved model, or holds more than one."""
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [folder.name]
    if folder.is_dir() and TEXT in others:
        others = [name for name in others if name not in (TEXT, TENSORS)]
        if not others:
            return
        raise FileExistsError(
            f"{folder} also holds {others[0]!r}, which overwriting would remove. Move it, or "
            "choose another folder."
        )
    raise FileExistsError(f"{folder} is not a saved model; it is not overwritten.")


def _sha256_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Make a value fit for JSON; arrays are marked."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return {"__array__": _plain(value.tolist())}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _revived(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        if set(value) == {"__array__"}:
            return np.asarray(value["__array__"], dtype=object)
        return {k: _revived(v) for k, v in value.items()}
    return value
