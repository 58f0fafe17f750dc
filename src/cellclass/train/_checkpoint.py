"""Checkpoints of Lightning as safetensors with JSON beside the tensors, instead of a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors.torch import load_file, save

if TYPE_CHECKING:
    from os import PathLike

_TEXT = "checkpoint"
_PLAIN = (str, int, float, bool, type(None))


class SafeCheckpointIO(TorchCheckpointIO):
    """Write and read checkpoints that execute nothing when they are read.

    Numbers and text, in dicts and lists, go into the file's metadata as JSON; tensors, such as
    weights and the optimiser's state, stay tensors. A checkpoint appears under its name only when
    it is complete.
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
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(save(tensors, metadata={_TEXT: text}))
        part.replace(target)

    def load_checkpoint(
        self, path: str | PathLike[str], *_: object, **__: object
    ) -> dict[str, Any]:
        """Read a checkpoint, to the CPU."""
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            text = file.metadata()[_TEXT]
        return _unpacked(json.loads(text), load_file(path))


def _packed(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    """Return what JSON can hold; tensors are put aside under a number."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[_packed(k, tensors), _packed(v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_packed(item, tensors) for item in value]}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"A checkpoint cannot hold a {type(value).__name__}: {value!r}.")


def _unpacked(value: Any, tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "items":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in content}
    items = [_unpacked(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
