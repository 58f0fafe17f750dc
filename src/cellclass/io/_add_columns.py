"""Write columns into a copy of a file of cells."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem, write_elem

from cellclass._disk import reading
from cellclass.io._lazy_cells import open_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def add_columns(
    source: Path,
    to: Path,
    *,
    obs: Mapping[str, Any] | None = None,
    var: Mapping[str, Any] | None = None,
    table: tuple[str, Sequence[str], Iterable[tuple[slice, np.ndarray]]] | None = None,
    uns: Mapping[str, Any],
) -> None:
    """Copy a file of cells, and add to the copy; nothing else is changed, and no matrix is read.

    Parameters
    ----------
    source, to
        The file, and its copy.
    obs, var
        Columns of `obs` and of `var`, by name; each replaces the one of that name.
    table
        A data frame of `obsm`: its name, its columns, and its rows some at a time, float32
        `(n_rows, n_columns)`, with where they stand.
    uns
        Entries of `uns`, by name; `None` removes one.
    """
    if source.is_dir():
        shutil.copytree(source, to)
    else:
        shutil.copyfile(source, to)
    with reading(source):
        with open_group(to, "r+") as group:
            for frame, added in (("obs", obs), ("var", var)):
                _write_columns(group[frame], added or {})
            if table is not None:
                _write_table(group, *table)
            if "uns" not in group:
                write_elem(group, "uns", {})
            for name, value in uns.items():
                if name in group["uns"]:
                    del group["uns"][name]
                if value is not None:
                    write_elem(group["uns"], name, value)
        if to.is_dir() and _is_consolidated(to):
            with warnings.catch_warnings():  # the file had it before
                warnings.filterwarnings("ignore", message="Consolidated metadata is currently not")
                zarr.consolidate_metadata(to)


def _write_columns(
    frame: Any,  # noqa: ANN401 - of h5py or zarr
    added: Mapping[str, Any],
) -> None:
    columns = [str(column) for column in frame.attrs["column-order"]]
    for name, values in added.items():
        write_elem(frame, name, values)
    frame.attrs["column-order"] = columns + [name for name in added if name not in columns]


def _write_table(
    group: Any,  # noqa: ANN401 - of h5py or zarr
    name: str,
    columns: Sequence[str],
    blocks: Iterable[tuple[slice, np.ndarray]],
) -> None:
    if "obsm" not in group:
        write_elem(group, "obsm", {})
    index = read_elem(group["obs"][group["obs"].attrs["_index"]])
    write_elem(group["obsm"], name, pd.DataFrame(index=pd.Index(index)))
    frame = group["obsm"][name]
    for column in columns:
        write_elem(frame, column, np.zeros(len(index), dtype=np.float32))
    for rows, block in blocks:
        for column, values in zip(columns, block.T, strict=True):
            frame[column][rows] = values
    frame.attrs["column-order"] = list(columns)


def _is_consolidated(path: Path) -> bool:
    return zarr.open_group(path, mode="r").metadata.consolidated_metadata is not None
