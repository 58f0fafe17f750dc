"""Checkpoints of Lightning as safetensors with JSON beside the tensors, instead of a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from cellclass._disk import writing
from cellclass.errors import ModelFileError
from cellclass.io._whole_file import whole_file

if TYPE_CHECKING:
    from os import PathLike

_TEXT, _SHA256 = "checkpoint", "sha256"
# Stands in the file for its own sha256 while that is computed.
_NO_HASH = "0" * 64
_PLAIN = (str, int, float, bool, type(None))


class SafeCheckpointIO(TorchCheckpointIO):
    """Write and read checkpoints that execute nothing when they are read.

    Numbers and text, in dicts and lists, go into the file's metadata as JSON; tensors and arrays,
    such as weights and the optimiser's state, stay what they are. A checkpoint appears under its
    name only when it is complete, and one that was altered or cut short is refused.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | PathLike[str],
        storage_options: Any = None,  # noqa: ANN401, ARG002 - Lightning's
    ) -> None:
        """Write a checkpoint."""
        tensors: dict[str, torch.Tensor] = {}
        text = json.dumps(_packed(checkpoint, tensors))
        packed = save(tensors, metadata={_TEXT: text, _SHA256: _NO_HASH})
        target = Path(path)
        with writing(target, new=True):
            target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target, overwrite=True) as folder:
            (folder / target.name).write_bytes(_with_hash(packed, hashlib.sha256(packed).digest()))

    def load_checkpoint(
        self, path: str | PathLike[str], *_: object, **__: object
    ) -> dict[str, Any]:
        """Read a checkpoint, to the CPU.

        Raises
        ------
        ModelFileError
            The file is no checkpoint, or was altered or cut short.
        """
        packed = Path(path).read_bytes()
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
            known = bytes.fromhex(metadata[_SHA256])
            blank = _with_hash(packed, bytes(32), known)
            whole = hashlib.sha256(blank).digest() == known
            found = _unpacked(json.loads(metadata[_TEXT]), load(packed)) if whole else None
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise ModelFileError(f"{path} was damaged and cannot be read ({error}).") from error
        if found is None:
            raise ModelFileError(
                f"{path} was damaged: it is not the file that was written (its sha256 differs)."
            )
        return found


def _with_hash(packed: bytes, sha256: bytes, instead_of: bytes = bytes(32)) -> bytes:
    """Return a file with another sha256 in its metadata."""
    entry = b'"%b":"%b"'
    name = _SHA256.encode()
    old = entry % (name, instead_of.hex().encode())
    return packed.replace(old, entry % (name, sha256.hex().encode()), 1)


def _packed(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    """Return what JSON can hold; tensors and arrays are put aside under a number."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        kind, tensor = "tensor", value
        if isinstance(tensor, np.ndarray):
            kind, tensor = "array", torch.from_numpy(tensor)
        name = str(len(tensors))
        tensors[name] = tensor.detach().cpu().contiguous().clone()
        return {kind: name}
    if isinstance(value, dict):
        return {"items": [[_packed(k, tensors), _packed(v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_packed(item, tensors) for item in value]}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"A checkpoint cannot hold a {type(value).__name__}: {value!r}.")


def _unpacked(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("tensor", "array"):
        return tensors[content] if kind == "tensor" else tensors[content].numpy()
    if kind == "items":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in content}
    items = [_unpacked(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
