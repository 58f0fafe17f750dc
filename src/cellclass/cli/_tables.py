"""Rows of a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 12
"""Names that are listed before the others are left out."""


def some(names: Iterable[str]) -> str:
    """List the first names, for people."""
    every = list(map(str, names))
    return ", ".join(every[:SHOWN]) + (", …" if len(every) > SHOWN else "")


def two_columns(title: str, rows: dict[str, str]) -> Table:
    """Lay out names beside what they stand for; all of it is text, not markup."""
    table = Table(title=escape(title), show_header=False)
    for name, value in rows.items():
        table.add_row(escape(name), escape(value))
    return table
