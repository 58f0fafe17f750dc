"""Write an AnnData whose matrix comes in parts, and move it to its name when it is whole."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import h5py
import numpy as np
from anndata.io import sparse_dataset, write_elem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import scipy.sparse as sp
    from anndata import AnnData

# AnnData 0.12 writes version 2, and warns where it is asked for version 3.
_ZARR_FORMAT: Literal[2, 3] = 2 if version("anndata").startswith("0.12.") else 3
_EMPTY = ("layers", "obsm", "obsp", "varm", "varp", "uns")


def write_in_parts(out: Path, adata: AnnData, parts: Iterable[sp.csr_matrix]) -> None:
    """Write annotation, and a CSR matrix part by part.

    Parameters
    ----------
    out
        File to write, ``.h5ad`` or ``.zarr``.
    adata
        The annotation of cells and genes; it has no matrix.
    parts
        Rows of the matrix, one part below the other.
    """
    with _new_group(out) as group:
        group.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        matrix = None
        for part in parts:
            if matrix is None:
                part.indptr = part.indptr.astype(np.int64)  # more may follow than int32 counts
                write_elem(group, "X", part)
                matrix = sparse_dataset(group["X"])
            else:
                matrix.append(part)
        write_elem(group, "obs", adata.obs)
        write_elem(group, "var", adata.var)
        for name in _EMPTY:
            write_elem(group, name, {})


@contextmanager
def _new_group(path: Path) -> Iterator[Any]:
    if path.suffix == ".zarr":
        import zarr

        yield zarr.open_group(str(path), mode="w", zarr_format=_ZARR_FORMAT)
        return
    with h5py.File(path, "w") as file:
        yield file


def check_free(out: Path, *, overwrite: bool) -> None:
    """Refuse a path that cannot be written to, or that is taken.

    Raises
    ------
    FileExistsError
        It is there, and must not be overwritten.
    FileNotFoundError
        The folder to write it in is not there.
    """
    if not out.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {out.parent} to write {out.name} in.")
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} is there already. Pass overwrite=True to replace it.")


@contextmanager
def finished_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a path to write to; what stands there at the end is moved to `out`.

    Until then, and after an error, nothing has changed under the name `out`. A folder beside it
    holds what is being written; a process that is killed leaves that folder behind.

    Parameters
    ----------
    out
        The file, or folder, to write.
    overwrite
        Whether it may be there already.
    """
    check_free(out, overwrite=overwrite)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        path = Path(folder) / out.name
        yield path
        check_free(out, overwrite=overwrite)
        if out.is_dir() or (out.exists() and path.is_dir()):  # no folder is replaced in one step
            shutil.move(out, Path(folder) / "old")
        path.replace(out)
