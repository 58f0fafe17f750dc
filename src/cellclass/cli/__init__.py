"""The command `cellclass`."""

from cellclass.cli._main import main

__all__ = ["main"]
