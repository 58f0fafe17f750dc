"""Saved models: JSON and safetensors, read without executing anything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from cellclass._disk import writing
from cellclass.errors import ModelFileError
from cellclass.io._whole_file import whole_file

if TYPE_CHECKING:
    from os import PathLike

TEXT = "model.json"
TENSORS = "model.safetensors"
#: scvi-tools' own file, which `_scvi_format` knows.
PICKLE = "model.pt"
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
    check_target(dir_path, overwrite=overwrite)
    written, packed = pack_model(model_class, text, as_tensors(arrays, weights))
    place_folder(dir_path, {TENSORS: packed, TEXT: written})


def read_model(dir_path: str | PathLike[str], model_class: str) -> ModelFiles:
    """Read a model's folder, after checking that it is whole and of the class expected."""
    folder = Path(dir_path)
    if (folder / PICKLE).is_file() and not (folder / TEXT).is_file():
        raise ModelFileError(
            f"{folder} is not a model saved by cellclass in its own format: it holds {PICKLE}, a "
            "pickle in scvi-tools' format, and a pickle can execute code when it is read. If you "
            "trust where it comes from: load(…, format='scvi')."
        )
    for name in (TEXT, TENSORS):
        if not (folder / name).is_file():
            raise ModelFileError(
                f"{folder / name} does not exist: {folder} is not a model saved by cellclass, or "
                "a part of it was lost."
            )
    written = (folder / TEXT).read_bytes()
    text, sha256 = check_text(written, model_class, folder, TEXT)
    packed = (folder / TENSORS).read_bytes()
    check_tensors(packed, sha256, folder / TENSORS)
    try:
        tensors = load_tensors(packed)
    except SafetensorError as error:
        raise ModelFileError(f"{folder / TENSORS} cannot be read: {error}.") from error
    return take_apart(text, tensors)


def as_tensors(
    arrays: dict[str, np.ndarray], weights: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return arrays and weights as tensors of the CPU."""
    tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}
    return tensors | {k: v.detach().cpu().contiguous() for k, v in weights.items()}


def pack_model(
    model_class: str, text: dict[str, Any], tensors: dict[str, torch.Tensor]
) -> tuple[bytes, bytes]:
    """Return the content of the text file, with the sha256 of both, and of the tensor file."""
    packed = save_tensors(tensors)
    head = {
        "format": FORMAT,
        "class": model_class,
        "sha256": {TENSORS: hashlib.sha256(packed).hexdigest(), TEXT: _NO_HASH},
    }
    written = json.dumps(plain(head | text), indent=1, allow_nan=False)
    return written.replace(_NO_HASH, _sha256_of_text(written), 1).encode(), packed


def take_apart(text: dict[str, Any], tensors: dict[str, torch.Tensor]) -> ModelFiles:
    """Tell the tensors of the network from the others, and make the text's arrays arrays."""
    weights = {k.removeprefix("module."): v for k, v in tensors.items() if k.startswith("module.")}
    arrays = {k: v.numpy() for k, v in tensors.items() if not k.startswith("module.")}
    return ModelFiles(_revived(text), arrays, weights)


def check_text(
    written: bytes, model_class: str, folder: Path, name: str
) -> tuple[dict[str, Any], str]:
    """Return what the text says, and the sha256 of the tensors, if it is whole and as expected."""
    try:
        decoded = written.decode()
        text = json.loads(decoded)
        found = (text["format"], text["class"], text["sha256"][TENSORS])
        own = text["sha256"][TEXT]
    except (ValueError, KeyError, TypeError, RecursionError) as error:  # ValueError: JSON, UTF-8
        raise ModelFileError(
            f"{folder / name} is truncated or was altered ({error}). Save the model again."
        ) from error
    if not isinstance(found[0], int) or found[0] > FORMAT:
        raise ModelFileError(
            f"{folder} has file format {found[0]}, this cellclass reads up to {FORMAT}. "
            "Upgrade: pip install -U cellclass."
        )
    if found[1] != model_class:
        raise ModelFileError(
            f"{folder} holds a {found[1]}, not a {model_class}. Load it with {found[1]}.load(…)."
        )
    if own != _sha256_of_text(decoded.replace(str(own), _NO_HASH, 1)):
        raise ModelFileError(
            f"{folder / name} is not the file that was saved (its sha256 differs): it was altered. "
            "Copy or save the model again."
        )
    return text, found[2]


def check_tensors(packed: bytes, sha256: str, where: Path) -> None:
    """Refuse tensors that are not those that were saved."""
    if hashlib.sha256(packed).hexdigest() != sha256:
        raise ModelFileError(
            f"{where} is not the file that was saved (its sha256 differs): it was "
            "altered or truncated. Copy or save the model again."
        )


def check_target(dir_path: str | PathLike[str], *, overwrite: bool) -> None:
    """Refuse a folder that exists and is not to be replaced, or is more than a saved model."""
    target = Path(dir_path)
    if target.exists() and not overwrite:
        raise FileExistsError(
            f"{target} exists. Choose another folder, or replace it with save(…, overwrite=True)."
        )
    if target.exists():
        _check_only_a_model(target)


def place_folder(dir_path: str | PathLike[str], files: dict[str, bytes]) -> None:
    """Write a folder of files beside the target, and give it the name when it is complete."""
    target = Path(dir_path)
    with writing(target, new=True):
        target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target, overwrite=True) as folder:
        made = folder / target.name
        made.mkdir()
        for name, content in files.items():
            (made / name).write_bytes(content)


def _check_only_a_model(folder: Path) -> None:
    """Refuse to replace what is not a saved model, or holds more than one."""
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [folder.name]
    if folder.is_dir() and (TEXT in others or PICKLE in others):
        others = [name for name in others if name not in (TEXT, TENSORS, PICKLE)]
        if not others:
            return
        raise FileExistsError(
            f"{folder} also holds {others[0]!r}, which overwriting would remove. Move it, or "
            "choose another folder."
        )
    raise FileExistsError(f"{folder} is not a saved model; it is not overwritten.")


def _sha256_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:  # noqa: ANN401
    """Make a value fit for JSON; arrays are marked."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return {"__array__": plain(value.tolist())}
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
