"""Sizes of memory as people write them."""

from __future__ import annotations

import operator
import re

UNITS = {
    "": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", 1)},
    "B": 1,
}


def n_bytes(size: int | str, argument: str) -> int:
    """Return a number of bytes, given as such or as text such as ``"500MB"`` or ``"2 GiB"``."""
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+\.?\d*)\s*([KMGT]?I?B?)\s*", size.upper())
        if match is None or match[2] not in UNITS:
            raise ValueError(
                f"{argument}={size!r} is no size of memory, such as '500MB', '2 GiB' or a number "
                "of bytes."
            )
        number = int(float(match[1]) * UNITS[match[2]])
    else:
        number = operator.index(size)
    if number < 1:
        raise ValueError(f"{argument}={size!r} is not above 0.")
    return number
