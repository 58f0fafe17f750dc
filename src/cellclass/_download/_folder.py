"""Where downloaded files are kept."""

from __future__ import annotations

import os
from pathlib import Path

DATA_DIR = "CELLCLASS_DATA_DIR"
"""Environment variable that names the cache folder."""


def cache_folder() -> Path:
    """Return the folder for downloaded files: `CELLCLASS_DATA_DIR`, else the system's cache."""
    named = os.environ.get(DATA_DIR)
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("cellclass"))
