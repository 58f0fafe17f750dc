"""Saved models in scvi-tools' own format: one torch pickle, written and read on request only."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors
from torch.torch_version import TorchVersion

from cellclass.errors import ModelFileError
from cellclass.model._files import (
    PICKLE,
    ModelFiles,
    as_tensors,
    check_target,
    check_tensors,
    check_text,
    pack_model,
    place_folder,
    take_apart,
)

if TYPE_CHECKING:
    from os import PathLike

# The layout that scvi-tools reads: state of the network, genes, attributes that end in "_".
_STATE, _GENES, _ATTRIBUTES = "model_state_dict", "var_names", "attr_dict"
_OURS = "cellclass_"
# Before, torch's restricted reader could be made to execute code (CVE-2025-32434).
_SAFE_TORCH = "2.6"


def write_scvi_format(
    dir_path: str | PathLike[str],
    model_class: str,
    text: dict[str, Any],
    arrays: dict[str, np.ndarray],
    weights: dict[str, torch.Tensor],
    *,
    overwrite: bool,
) -> None:
    """Write `model.pt` as scvi-tools does, with what cellclass needs under a key of its own.

    Only tensors, text, numbers, lists and dicts are written, so that torch's restricted reader
    takes the file.
    """
    check_target(dir_path, overwrite=overwrite)
    tensors = as_tensors(arrays, weights)
    written, _ = pack_model(model_class, text, tensors)
    content = {
        _STATE: {k.removeprefix("module."): v for k, v in tensors.items() if k in weights},
        _GENES: list(text["contract"]["genes"]),
        _ATTRIBUTES: {
            _OURS: {
                "text": written.decode(),
                "arrays": {k: v for k, v in tensors.items() if k in arrays},
            },
            "init_params_": {"kwargs": {}, "non_kwargs": _plain(text["init_params"])},
            "is_trained_": bool(text.get("is_trained", True)),
            "registry_": _plain(text["registry"]),
        },
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    place_folder(dir_path, {PICKLE: buffer.getvalue()})


def read_scvi_format(dir_path: str | PathLike[str], model_class: str) -> ModelFiles:
    """Read what `write_scvi_format` wrote, with torch's restricted reader."""
    path = Path(dir_path) / PICKLE
    if not path.is_file():
        raise ModelFileError(f"{path} does not exist: {path.parent} is not in scvi-tools' format.")
    if TorchVersion(torch.__version__) < _SAFE_TORCH:
        raise ModelFileError(
            f"{path} is a pickle, and torch {torch.__version__} can be made to execute code by "
            "one (CVE-2025-32434). Upgrade: pip install -U torch."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # anything may come of a pickle that was tampered with
        raise ModelFileError(
            f"{path} is truncated, was altered, or holds more than tensors and text, which would "
            "have to be executed; nothing was. Save the model again with save(…, format='scvi'), "
            "or better without format."
        ) from error
    try:
        ours = content[_ATTRIBUTES][_OURS]
        written = ours["text"].encode()
        state = {f"module.{k}": v for k, v in content[_STATE].items()}
        tensors = {**ours["arrays"], **state}
        packed = save_tensors(tensors)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} holds a model of scvi-tools that cellclass did not save. Load it with the "
            "class that did."
        ) from error
    text, sha256 = check_text(written, model_class, path.parent, PICKLE)
    check_tensors(packed, sha256, path)
    return take_apart(text, tensors)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value in types that torch's restricted reader takes."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value
