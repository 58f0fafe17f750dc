"""Read, convert and join files."""

from __future__ import annotations

__all__: list[str] = []
