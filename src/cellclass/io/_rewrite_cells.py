"""Write a file of cells as one of the other kind, a part of a matrix in memory at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from anndata.io import read_elem, sparse_dataset, write_elem

from cellclass._disk import reading
from cellclass._progress import Bar
from cellclass.io._concat_files import new_group
from cellclass.io._lazy_cells import open_group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_SPARSE = ("csr_matrix", "csc_matrix")
_OF_MATRICES = ("layers", "obsm", "obsp", "raw", "varm", "varp")
_VERSIONS: dict[str | None, str | None] = {
    **dict.fromkeys(("anndata", "dict", "raw", *_SPARSE), "0.1.0"),
    None: None,  # before anndata 0.8
}
"""Of the groups that are copied part by part: other versions may have other parts."""
_AT_ONCE = 1 << 23
"""Values of a matrix in memory."""


def rewrite_cells(source: Path, to: Path, *, progress: bool | None = None) -> None:
    """Copy an AnnData from an h5ad to a zarr file, or the other way round.

    Parameters
    ----------
    source
        The file to read.
    to
        The file to make; the suffix says what it is.
    progress
        Whether to show a progress bar after two seconds; by default in a terminal.

    Raises
    ------
    FileFormatError
        The source was damaged.
    ValueError
        A group is stored in a version of its format that is not known.
    """
    with (
        reading(source),
        open_group(source) as old,
        new_group(to) as new,
        Bar(f"Writing {to.name}", _n_values(old), show=progress) as bar,
    ):
        _copy_group(old, new, bar, top=True)


def _copy_group(old: Any, new: Any, bar: Bar, *, top: bool = False) -> None:  # noqa: ANN401
    _check_version(old)
    new.attrs.update(dict(old.attrs))
    for name in old:
        stored = old[name]
        kind = stored.attrs.get("encoding-type")
        if kind in _SPARSE:
            _copy_sparse(stored, new, name, bar)
        elif len(getattr(stored, "shape", ())) == 2 and stored.dtype.kind in "biuf":
            _copy_dense(stored, new, name, bar)
        elif top and name in _OF_MATRICES and kind in _VERSIONS:
            _copy_group(stored, new.create_group(name), bar)
        else:
            write_elem(new, name, read_elem(stored))


def _check_version(group: Any) -> None:  # noqa: ANN401
    """Refuse a group the parts of which may be others than those that are copied."""
    kind, version = group.attrs.get("encoding-type"), group.attrs.get("encoding-version")
    if (kind, version) not in _VERSIONS.items():
        raise ValueError(
            f"{group.name} is stored as {kind!r} in version {version!r}, which is not known here. "
            "Read the file with anndata and write it in the other format, or update cellclass."
        )


def _copy_sparse(stored: Any, new: Any, name: str, bar: Bar) -> None:  # noqa: ANN401
    _check_version(stored)
    matrix = sparse_dataset(stored)
    by_row = matrix.format == "csr"
    written = None
    for start, stop in _parts(np.asarray(stored["indptr"][:], dtype=np.int64)):
        part = matrix[start:stop] if by_row else matrix[:, start:stop]
        if written is None:
            part.indptr = part.indptr.astype(np.int64)  # more may follow than int32 counts
            write_elem(new, name, part)
            written = sparse_dataset(new[name])
        else:
            written.append(part)
        bar.advance(part.nnz)


def _copy_dense(stored: Any, new: Any, name: str, bar: Bar) -> None:  # noqa: ANN401
    n, width = stored.shape
    create = new.create_dataset if isinstance(new, h5py.Group) else new.create_array
    rows = max(1, _AT_ONCE // max(1, width))
    chunks = (max(1, min(n, 1024)), max(1, min(width, 1024)))
    made = create(name, shape=stored.shape, dtype=stored.dtype, chunks=chunks)
    made.attrs.update(dict(stored.attrs))
    for start in range(0, n, rows):
        made[start : start + rows] = stored[start : start + rows]
        bar.advance(min(rows, n - start) * width)


def _parts(indptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Split rows (CSC: columns) into parts of about `_AT_ONCE` values; one part at least."""
    marks = np.arange(_AT_ONCE, indptr[-1], _AT_ONCE)
    bounds = np.unique(np.concatenate([[0], np.searchsorted(indptr, marks), [indptr.size - 1]]))
    if bounds.size == 1:
        bounds = np.array([0, 0])
    yield from zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def _n_values(group: Any) -> int:  # noqa: ANN401 - of h5py or zarr
    """Count the values that `X` and the layers store."""
    matrices = [group["X"]] if "X" in group else []
    matrices += [group["layers"][name] for name in group.get("layers", ())]
    sparse = [one.attrs.get("encoding-type") in _SPARSE for one in matrices]
    shapes = (
        one["data"].shape if s else getattr(one, "shape", (0,))
        for one, s in zip(matrices, sparse, strict=True)
    )
    return sum(math.prod(shape) for shape in shapes)
