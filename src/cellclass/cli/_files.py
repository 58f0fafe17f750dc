"""Files of cells by what their names end in: the one place that knows which there are."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anndata as ad
import pandas as pd
from anndata.io import read_elem

from cellclass._disk import reading
from cellclass.io._cell_file import SUFFIXES
from cellclass.io._lazy_cells import lazy_cells, open_group
from cellclass.io._whole_chunks import check_chunks
from cellclass.io._whole_file import check_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TABLE = ".csv"
MUDATA = ".h5mu"
_TEXTS = (".csv", ".tsv", ".txt", ".tab", ".gz", ".zst", ".mtx")


def check_cells(path: Path) -> None:
    """Refuse what is no file of cells, with the way to make one of it."""
    if path.suffix == MUDATA:
        made = path.with_suffix(".rna.h5ad").name
        raise ValueError(
            f"{str(path)!r} is a MuData of several modalities, which predict and evaluate read and "
            "the other verbs do not. Write the one with the genes: "
            f"mudata.read_h5mu({path.name!r})['rna'].write_h5ad({made!r})."
        )
    if path.suffix not in SUFFIXES:
        hint = ""
        if path.suffix in _TEXTS:
            made = path.name.split(".")[0] + ".h5ad"
            hint = f" If it is a table of genes and cells: cellclass convert {path} --out {made}."
        raise ValueError(f"{str(path)!r}: cells are read from .h5ad and .zarr.{hint}")
    if path.suffix == ".h5ad" and path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, and an .h5ad is a file.")
    if path.suffix == ".zarr" and not any((path / name).exists() for name in _OF_ZARR):
        raise ValueError(f"{str(path)!r} is no .zarr folder: it lacks its metadata.")
    with reading(path), open_group(path, parts=()) as group:
        if "obs" not in group or "var" not in group or "_index" not in group["obs"].attrs:
            raise ValueError(
                f"{str(path)!r} does not hold an AnnData as anndata 0.7 or newer writes it. Read "
                "it with anndata.read_h5ad or anndata.read_zarr, and write it again."
            )


_OF_ZARR = (".zgroup", "zarr.json", ".zmetadata")


def read_cells(path: Path, *, backed: bool = False) -> ad.AnnData:
    """Read cells into memory, or with `backed` all but the matrix of an h5ad."""
    check_cells(path)
    if path.suffix == ".zarr" and backed:
        raise ValueError(
            f"backed=True is for .h5ad: the matrix of a .zarr such as {str(path)!r} is read "
            f"into memory. cellclass convert {path} --out {path.with_suffix('.h5ad').name}."
        )
    with reading(path):
        if path.suffix == ".zarr":
            check_chunks(path)
            return ad.read_zarr(path)
        return ad.read_h5ad(path, backed="r" if backed else None)


@contextmanager
def open_cells(path: Path) -> Iterator[ad.AnnData]:
    """Open cells to look at: matrices stay in the file, unless they are stored gene by gene."""
    check_cells(path)
    if _is_by_gene(path):
        yield read_cells(path)
        return
    with reading(path), lazy_cells(path) as adata, open_group(path, parts=()) as group:
        adata.obs = read_elem(group["obs"])
        yield adata


def read_columns(path: Path) -> ad.AnnData:
    """Read what stands beside the matrices: columns of cells, `uns`, and of an AnnData genes."""
    several = path.suffix == MUDATA  # which has columns beside those of its modalities
    if not several:
        check_cells(path)
    with reading(path), open_group(path) as group:
        uns = read_elem(group["uns"]) if "uns" in group else {}
        var = read_elem(group["var"])
        if several:  # a gene and a protein may have one name
            var.index = var.index.astype(str) + "-" + pd.RangeIndex(len(var)).astype(str)
        return ad.AnnData(obs=read_elem(group["obs"]), var=var, uns=uns)


def check_out(out: Path, suffixes: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a name that cannot be written to, before any work is done."""
    if out.suffix not in suffixes:
        *others, last = suffixes
        names = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"out={str(out)!r} ends in {out.suffix!r}; give a name in {names}.")
    check_free(out, overwrite=overwrite)
    check_folder(out.parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder in which nothing can be made, which is found out by making something."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".cellclass-"):
            pass
    except OSError as error:
        raise PermissionError(
            f"Nothing can be written to the folder {str(folder)!r} ({error.strerror}). Give "
            "another one."
        ) from error


def _is_by_gene(path: Path) -> bool:
    """Tell whether a matrix is stored gene by gene, of which no cell can be read without all."""
    with reading(path), open_group(path, parts=()) as group:
        matrices = [group[name] for name in ("X",) if name in group]
        matrices += [group["layers"][name] for name in group.get("layers", ())]
        return any(one.attrs.get("encoding-type") == "csc_matrix" for one in matrices)
