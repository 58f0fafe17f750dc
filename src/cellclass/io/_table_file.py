"""Tables of text: genes and their names."""

from __future__ import annotations

import csv
import zlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from cellclass.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

_UNREADABLE = (ValueError, EOFError, csv.Error, zlib.error)  # pandas' own are ValueErrors


def read_table(path: Path, **how: Any) -> pd.DataFrame:  # noqa: ANN401 - for pandas
    """Read a table with `pandas.read_csv`.

    Raises
    ------
    FileFormatError
        The file is empty, incomplete or something else.
    """
    try:
        return pd.read_csv(path, **how)
    except _UNREADABLE as error:
        failed = FileFormatError(
            f"{str(path)!r} cannot be read as a table: it is empty, incomplete, or something else "
            f"({error}). Give a table as text with the names of its columns in the first line."
        )
        failed.path = path
        raise failed from error
