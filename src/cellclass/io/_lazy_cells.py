"""Cells of a file, the matrix of which is read piece by piece."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import anndata as ad
import h5py
import pandas as pd
import zarr
from anndata.io import read_elem, sparse_dataset

from cellclass._disk import damaged, reading
from cellclass.io._cell_file import SUFFIXES
from cellclass.io._one_file import check_one_file
from cellclass.io._whole_chunks import check_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

_SPARSE = ("csr_matrix", "csc_matrix")


def cell_path(path: str | PathLike[str], argument: str = "path") -> Path:
    """Return the path of an h5ad or zarr file that exists, or say what is wrong with it."""
    found = Path(path)
    if found.suffix not in SUFFIXES:
        raise ValueError(
            f"{argument}={str(path)!r} ends in {found.suffix!r}; cells are read from .h5ad and "
            ".zarr."
        )
    if not found.exists():
        raise FileNotFoundError(f"{argument}: there is no {str(path)!r}.")
    return found


@contextmanager
def open_group(
    path: Path, mode: Literal["r", "r+"] = "r", *, parts: Sequence[str] = ("",)
) -> Iterator[Any]:
    """Open an h5ad or zarr file as a group of h5py or zarr.

    Parameters
    ----------
    path
        The file.
    mode
        `r` or `r+`.
    parts
        Whose values are read, where that is not the whole: their chunks are looked at before.
    """
    if path.suffix == ".zarr":
        if mode == "r":
            check_chunks(path, parts)
        # To read, the metadata that anndata goes by; what is written is not in them yet.
        yield zarr.open_group(path, mode=mode, use_consolidated=None if mode == "r" else False)
        return
    try:
        file = h5py.File(path, mode)
    except OSError as error:
        raise damaged(path, error) from error
    with file:
        check_one_file(file, path)
        yield file


@contextmanager
def lazy_cells(path: Path) -> Iterator[ad.AnnData]:
    """Open cells for labelling: matrices stay in the file, and of `obs` there is only the length.

    Parameters
    ----------
    path
        An h5ad or zarr file.

    Raises
    ------
    FileFormatError
        The file was damaged.
    ValueError
        The file is no AnnData, or a matrix is stored gene by gene, of which no cell can be read
        without reading all.
    """
    with reading(path), open_group(path) as group:
        if "obs" not in group or "var" not in group or "_index" not in group["obs"].attrs:
            raise ValueError(
                f"{str(path)!r} does not hold an AnnData as anndata 0.7 or newer writes it. Read "
                "it with anndata.read_h5ad or anndata.read_zarr, and write it again."
            )
        layers = {name: _matrix(group["layers"][name]) for name in group.get("layers", ())}
        X = _matrix(group["X"]) if "X" in group else None
        n_obs = next((m.shape[0] for m in (X, *layers.values()) if m is not None), 0)
        yield ad.AnnData(
            X=X,
            obs=pd.DataFrame(index=pd.RangeIndex(n_obs).astype(str)),
            var=read_elem(group["var"]),
            layers={name: matrix for name, matrix in layers.items() if matrix is not None},
        )


def taken_names(path: Path, key: str) -> SimpleNamespace:
    """Return what a file has in `obs`, `obsm` and under a key of `uns`, with nothing else read."""
    with reading(path), open_group(path, parts=("obs", "uns")) as group:
        uns = {key: read_elem(group["uns"][key])} if key in group.get("uns", ()) else {}
        return SimpleNamespace(
            obs=SimpleNamespace(columns=list(group["obs"].attrs["column-order"])),
            obsm=list(group.get("obsm", ())),
            uns=uns,
        )


def cell_names(path: Path) -> pd.Index:
    """Return the names of the cells."""
    with reading(path), open_group(path, parts=("obs",)) as group:
        names = read_elem(group["obs"][group["obs"].attrs["_index"]])
    return pd.Index(names, dtype=object).astype(str)


def _matrix(stored: Any) -> Any:  # noqa: ANN401 - of h5py or zarr
    """Return a matrix that is read when rows of it are asked for; `None` for one without any."""
    kind = stored.attrs.get("encoding-type", "")
    if kind == "csc_matrix":
        raise ValueError(
            f"{stored.name} is stored gene by gene (CSC), so that no cell can be read without "
            "reading all. Write the file anew with adata.X = adata.X.tocsr(), or pass the AnnData "
            "in memory."
        )
    if kind in _SPARSE:
        return sparse_dataset(stored)
    return stored if hasattr(stored, "shape") and len(stored.shape) == 2 else None
