"""Exchange two files or folders in one step, where the system can."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HERE = -100  # AT_FDCWD: paths are what they are
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: Path, other: Path) -> bool:
    """Exchange what two names stand for, in one step; says whether that was done.

    Linux and macOS have a call for it that Python does not know; not every disk takes it.
    """
    platform: str = sys.platform
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        system = ctypes.CDLL(None, use_errno=True)
        if platform == "linux":
            return system.renameat2(_HERE, first, _HERE, second, _EXCHANGE) == 0
        if platform == "darwin":
            return system.renamex_np(first, second, _EXCHANGE) == 0
    except (OSError, AttributeError, TypeError):  # another C library, or Windows
        return False
    return False
