"""Warnings that name the line of whoever called, however deep inside they arise."""

from __future__ import annotations

import sys
import warnings

_PACKAGE = __name__.partition(".")[0]


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing at the line that called into the package.

    That is the caller of our outermost function: libraries that call us back lie further in.

    Parameters
    ----------
    message
        What the caller can act on.
    category
        Kind of warning.
    """
    level = outside = 1
    frame = sys._getframe()  # noqa: SLF001 - as `warnings` itself does
    while (above := frame.f_back) is not None:
        level += 1
        if _is_ours(frame.f_globals) and not _is_ours(above.f_globals):
            outside = level
        frame = above
    warnings.warn(message, category, stacklevel=outside)


def _is_ours(names: dict[str, object]) -> bool:
    name = str(names.get("__name__", ""))
    return name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
