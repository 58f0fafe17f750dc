"""The tables beside the matrix of a UCSC Cell Browser dataset: cells and coordinates."""

from __future__ import annotations

import csv
import re
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._warn import warn
from cellclass.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MISSING = {"", "NA", "NaN", "nan", "None"}
"""Values that stand for no number in a column of numbers; among labels they are labels."""


def read_meta(path: Path, description: dict[str, Any]) -> pd.DataFrame:
    """Read `meta.tsv`: one row per cell.

    Columns that the browser calls categories become categories, however their values look;
    the others become numbers where all of their values are.
    """
    table = _read_text(path, header=True)
    if table.shape[1] == 0:
        raise FileFormatError(f"{path} has no column.")
    table = table.set_index(table.columns[0])
    table.index.name = None
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise FileFormatError(f"{path} names {len(twice)} cells twice, such as {twice[0]!r}.")
    categories = {
        field.get("label", field.get("name"))
        for field in description.get("metaFields", [])
        if field.get("type") == "enum"
    }
    for column in table.columns:
        table[column] = _typed(table[column], as_labels=column.split("|")[0] in categories)
    table.columns = table.columns.str.replace("/", "|", regex=False)  # no key of a file may hold /
    if table.columns.has_duplicates:
        raise FileFormatError(f"{path} has two columns of one name: {list(table.columns)}.")
    return table


def match_cells(meta: pd.DataFrame, cells: pd.Index, name: str) -> pd.DataFrame:
    """Bring the rows of `meta` into the order of the matrix, and say what is missing."""
    there = cells.isin(meta.index)
    if not there.any():
        raise FileFormatError(
            f"meta.tsv of {name!r} names none of the cells of the matrix: {meta.index[0]!r} … "
            f"against {cells[0]!r} …."
        )
    if not there.all():
        warn(
            f"meta.tsv of {name!r} has no row for {(~there).sum()} of {len(cells)} cells of the "
            f"matrix, such as {cells[~there][0]!r}: their values are missing."
        )
    spare = ~meta.index.isin(cells)
    if spare.any():
        warn(
            f"The matrix of {name!r} has no column for {spare.sum()} of {len(meta)} cells of "
            f"meta.tsv, such as {meta.index[spare][0]!r}: these rows are left out."
        )
    return meta.reindex(cells)


def read_coordinates(path: Path, cells: pd.Index) -> NDArray[np.float32]:
    """Read cell, x and y of a layout; NaN for cells that it leaves out."""
    table = _read_text(path, header=False)
    if table.shape[1] < 3:
        raise FileFormatError(f"{path} has {table.shape[1]} columns; cell, x and y are needed.")
    values = table.iloc[:, 1:3].apply(pd.to_numeric, errors="coerce")
    named = values.isna().all(axis=1)
    named.iloc[1:] = False  # the first row may be a head
    table, values = table[~named], values[~named]
    bad = values.isna().any(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise FileFormatError(
            f"{path} has no two numbers in row {row + 1}: {list(table.iloc[row])}."
        )
    values.index = pd.Index(table.iloc[:, 0])
    values = values[~values.index.duplicated()]
    return values.reindex(cells).to_numpy(dtype=np.float32)


def layout_key(label: str) -> str:
    """Return the key of `obsm` for a layout, such as ``X_umap`` for "UMAP"."""
    plain = re.sub(r"\W+", "_", label.lower()).strip("_")
    plain = re.sub(r"^t_?sne$|^t_sne_plot$", "tsne", plain)
    return f"X_{plain or 'layout'}"


def _read_text(path: Path, *, header: bool) -> pd.DataFrame:
    """Read a table as text: nothing is quoted in it, and no word means a missing value."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows that are too long
            table = pd.read_csv(
                path,
                sep="\t",
                header=0 if header else None,
                dtype=str,
                index_col=False,
                keep_default_na=False,
                quoting=csv.QUOTE_NONE,
            )
    except (ValueError, EOFError, OSError, pd.errors.ParserWarning, zlib.error) as error:
        raise FileFormatError(f"{path} is not a table with tabs: {error}.") from error
    if len(table) == 0:
        raise FileFormatError(f"{path} has no rows.")
    return table


def _typed(values: pd.Series, *, as_labels: bool) -> pd.Series:
    if not as_labels:
        known = values.where(~values.isin(MISSING))
        numbers = pd.to_numeric(known, errors="coerce")
        if numbers.notna().any() and (numbers.notna() == known.notna()).all():
            return numbers
    return values.where(values != "").astype("category")
