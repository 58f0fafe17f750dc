"""Tables of text: genes and their names."""

from __future__ import annotations

import csv
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from cellclass.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

_UNREADABLE = (  # pandas' own are ValueErrors
    ValueError,
    EOFError,
    csv.Error,
    OSError,  # of gzip and bz2, without a number
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


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
        if isinstance(error, OSError) and error.errno is not None:  # of the system
            raise
        failed = FileFormatError(
            f"{str(path)!r} cannot be read as a table: it is empty, incomplete, or something else "
            f"({error}). Give a table as text with the names of its columns in the first line."
        )
        failed.path = path
        raise failed from error
