"""Numbers and lists as people read them."""

from __future__ import annotations

import math

UNKNOWN = "–"


def percent(share: float) -> str:
    """Write a share (0–1) in percent, with a decimal where it is small or nearly all."""
    if math.isnan(share):
        return UNKNOWN
    if 0 < share < 0.0005 or 0.9995 < share < 1:
        return "<0.1%" if share < 0.5 else ">99.9%"
    digits = 0 if share == 0 or share == 1 or 0.1 <= share <= 0.99 else 1
    return f"{100 * share:.{digits}f}%"


def score(value: float) -> str:
    """Write a score (0–1) with three decimals."""
    return UNKNOWN if math.isnan(value) else f"{value:.3f}"


def count(n: float, one: str, many: str | None = None) -> str:
    """Write so many of a thing, `3 cells`."""
    return f"{n:,.0f} {one if n == 1 else many or one + 's'}"
