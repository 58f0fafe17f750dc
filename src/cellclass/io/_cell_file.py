"""Write cells to h5ad or zarr piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import h5py
import zarr
from anndata.io import sparse_dataset, write_elem
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    import anndata as ad
    import numpy as np
    from numpy.typing import NDArray

    Block = tuple[int, int, NDArray[np.int32], NDArray[np.generic]]

SUFFIXES = (".h5ad", ".zarr")
CHUNK = 1 << 18
"""Entries in a chunk of the file."""
ZARR_FORMAT: Final = 2
"""What every release of zarr reads."""


def write_cells(
    path: Path, frame: ad.AnnData, indptr: NDArray[np.int64], blocks: Iterator[Block]
) -> None:
    """Write an AnnData whose sparse `.X` comes in blocks of cells.

    Parameters
    ----------
    path
        File to make; the suffix says what it is.
    frame
        All but the matrix.
    indptr
        Bounds of the cells in the matrix.
    blocks
        ``(start, stop, indices, values)`` of cells in their order.
    """
    if path.suffix == ".zarr":
        _write(zarr.open_group(path, mode="w", zarr_format=ZARR_FORMAT), frame, indptr, blocks)
        return
    with h5py.File(path, "w") as file:
        _write(file, frame, indptr, blocks)


def _write(
    group: Any,  # noqa: ANN401 - of h5py or zarr
    frame: ad.AnnData,
    indptr: NDArray[np.int64],
    blocks: Iterator[Block],
) -> None:
    write_elem(group, "/", frame)
    chunk = max(1, min(CHUNK, int(indptr[-1])))
    for start, stop, indices, values in blocks:
        block = sparse.csr_matrix((stop - start, frame.n_vars), dtype=values.dtype)
        block.data, block.indices = values, indices
        # of 64 bits from the first block on: what is appended may need them
        block.indptr = indptr[start : stop + 1] - indptr[start]
        if start == 0:
            write_elem(group, "X", block, dataset_kwargs={"chunks": (chunk,)})
        else:
            sparse_dataset(group["X"]).append(block)
