"""Write an AnnData whose matrix comes in parts."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import h5py
import numpy as np
from anndata.io import sparse_dataset, write_elem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

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
    with new_group(out) as group:
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
def new_group(path: Path) -> Iterator[Any]:
    """Make an h5ad or zarr file, and open it as a group of h5py or zarr."""
    if path.suffix == ".zarr":
        import zarr

        yield zarr.open_group(str(path), mode="w", zarr_format=_ZARR_FORMAT)
        return
    with h5py.File(path, "w") as file:
        yield file
