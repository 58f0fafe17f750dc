"""The verb `info`: the installation, a saved model, or a file of cells."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from cellclass._download import cache_folder
from cellclass.cli._session import Answer
from cellclass.cli._tables import two_columns

if TYPE_CHECKING:
    from pathlib import Path

    from cellclass.cli._session import Session

_PACKAGES = (
    "cellclass",
    "anndata",
    "click",
    "lightning",
    "mudata",
    "numba",
    "numpy",
    "scanpy",
    "scikit-learn",
    "scvi-tools",
    "torch",
    "zarr",
)
_OF_A_MODEL = ("model.json", "model.safetensors", "model.pt")


def run_info(talk: Session, path: Path | None) -> Answer:
    """Look at what the path is, and tell of it; what that needs is loaded here."""
    if path is None:
        with talk.step("Loading libraries"):
            return _installation()
    if path.is_dir() and (path.suffix != ".zarr" or _is_model(path)):
        with talk.step(f"Loading {path.name}"):
            from cellclass.cli._info_model import info_of_model

            return info_of_model(path)
    with talk.step(f"Looking at {path.name}"):
        from cellclass.cli._files import open_cells
        from cellclass.cli._info_cells import info_of_cells

        with open_cells(path) as adata:
            return info_of_cells(path, adata)


def _is_model(folder: Path) -> bool:
    """Tell whether a folder holds a saved model, or a part of one."""
    return any((folder / name).is_file() for name in _OF_A_MODEL)


def _installation() -> Answer:
    import torch

    devices = ["cpu"]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    summary: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "devices": devices,
        "default_device": "cuda" if torch.cuda.is_available() else "cpu",
        "n_processors": _n_processors(),
        "data_folder": str(cache_folder()),
    }
    versions = {name: found or "not installed" for name, found in summary["versions"].items()}
    rows = {
        "python": f"{summary['python']} on {summary['platform']}",
        **versions,
        "devices": ", ".join(devices),
        "processors": str(summary["n_processors"]),
        "downloads go to": summary["data_folder"],
    }
    return Answer(summary, [two_columns("Installation", rows)])


def _n_processors() -> int | None:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
