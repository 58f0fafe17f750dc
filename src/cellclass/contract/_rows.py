"""Rows of an expression matrix, chunk by chunk, whatever array kind holds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cellclass._checks import is_dask
from cellclass._dask import compute
from cellclass._disk import damaged, reading
from cellclass.contract._ahead import ahead
from cellclass.errors import ValuesError
from cellclass.kernels import check_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Cells that are looked at together; bounds the memory of a pass over a matrix.
CHUNK_SIZE = 4096


def prepare_rows(X: Any) -> Any:  # noqa: ANN401 - any array kind
    """Bring a matrix to a form whose rows are cheap to slice; never changes `X` itself."""
    if is_dask(X) and np.isnan(np.concatenate(X.chunks)).any():
        raise ValueError("The chunks have unknown sizes: call X.compute_chunk_sizes() first.")
    if hasattr(X, "to_memory") and not X.dtype.isnative:
        raise TypeError(
            f"The file holds sparse values of type {X.dtype}, in a byte order that SciPy does not "
            f"read. Write them once more as {X.dtype.newbyteorder('=')}: with h5py, replace the "
            "dataset 'data' of the matrix."
        )
    if sp.issparse(X):
        check_indices(X)
    if sp.issparse(X) and not X.dtype.isnative:  # which SciPy does not slice
        X = X.astype(_float_of(X.dtype))
    if sp.issparse(X) and X.format != "csr":
        return _wide(X).tocsr()  # the conversion may sum small integers
    if isinstance(X, np.matrix):
        return np.asarray(X)
    return X


def take_rows(X: Any, rows: slice | np.ndarray) -> sp.csr_matrix | np.ndarray:  # noqa: ANN401
    """Return rows as CSR without duplicates or as C-ordered dense, in float32 or float64.

    Parameters
    ----------
    X
        Dense, CSR or backed matrix, or Dask array `(n_obs, n_vars)`.
    rows
        Slice or increasing positions.
    """
    if not isinstance(rows, slice) and len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        rows = slice(int(rows[0]), int(rows[-1]) + 1)  # which files read many times as fast
    chunk = X[rows] if is_in_memory(X) or is_dask(X) else rows_of_file(X, rows)
    if is_dask(chunk):
        (chunk,) = compute(chunk)
    if not sp.issparse(chunk):
        chunk = np.ascontiguousarray(chunk)
        return chunk.astype(_float_of(chunk.dtype), copy=False)
    dtype = _float_of(chunk.dtype)
    chunk = sp.csr_matrix(_wide(chunk))
    if not chunk.has_canonical_format:
        chunk = chunk.copy()
        chunk.sum_duplicates()
    return chunk.astype(dtype, copy=False)


def rows_of_file(X: Any, rows: Any) -> Any:  # noqa: ANN401 - of h5py, zarr or anndata
    """Read rows, or rows and columns, and refuse those that name genes which are not there."""
    path = _file_of(X)
    with reading(path):
        chunk = X[rows]
        if sp.issparse(chunk):
            check_indices(chunk, path)
    return chunk


def check_indices(X: Any, path: object = None) -> None:  # noqa: ANN401 - any sparse kind
    """Refuse entries outside the matrix, by the name of its file where it has one."""
    if X.format not in ("csr", "csc"):
        return
    try:
        check_entries(X)
    except ValuesError as error:
        if path is None:
            raise
        raise damaged(str(path), error) from error


def _file_of(X: Any) -> Path:  # noqa: ANN401
    """Return the file of a matrix that is not in memory."""
    group = getattr(X, "group", X)  # a sparse dataset of anndata, or an array
    file = getattr(group, "file", None)
    if file is not None:
        return Path(file.filename)
    return Path(str(getattr(getattr(group, "store", None), "root", group)))


def row_chunks(
    X: Any,  # noqa: ANN401
    *,
    size: int = CHUNK_SIZE,
    wanted: tuple[int, int] | None = None,
) -> Iterator[tuple[slice, sp.csr_matrix | np.ndarray]]:
    """Walk over all rows, `size` at a time; chunk by chunk, and then `size`, for Dask.

    Chunks without any `wanted` row, from a first to before a last one, are left out.
    """
    start, stop = (0, X.shape[0]) if wanted is None else wanted
    if not is_dask(X):
        for first in range(start - start % size, stop, size):
            rows = slice(first, min(first + size, X.shape[0]))
            yield rows, take_rows(X, rows)
        return
    ends = np.cumsum(X.chunks[0]).tolist()
    for first, end in zip([0, *ends[:-1]], ends, strict=True):
        if end <= start or first >= stop:
            continue
        (chunk,) = compute(X[first:end])  # once, whatever its size
        for rows, part in row_chunks(prepare_rows(chunk), size=size):
            yield slice(first + rows.start, first + rows.stop), part


def is_in_memory(X: Any) -> bool:  # noqa: ANN401
    """Tell whether rows at any positions are at hand, and not in a file or still to be computed."""
    return isinstance(X, np.ndarray) or sp.issparse(X)


def some_chunks(
    X: Any,  # noqa: ANN401
    rows: np.ndarray,
    *,
    size: int = CHUNK_SIZE,
) -> Iterator[tuple[slice, sp.csr_matrix | np.ndarray]]:
    """Walk over rows at increasing positions; yields which of `rows` these are, and the rows.

    A file is read from its start to its end, a stretch at a time and one stretch ahead: single
    rows would be looked up one by one.
    """
    if is_in_memory(X):
        for start in range(0, len(rows), size):
            part = slice(start, min(start + size, len(rows)))
            yield part, take_rows(X, rows[part])
        return
    if len(rows) == 0:
        return
    wanted = int(rows[0]), int(rows[-1]) + 1
    for stretch, chunk in ahead(row_chunks(X, size=size, wanted=wanted)):
        first, last = np.searchsorted(rows, [stretch.start, stretch.stop])
        if first < last:
            part = slice(int(first), int(last))
            kept = rows[part] - stretch.start
            yield part, chunk if len(kept) == chunk.shape[0] else chunk[kept]


def stored_values(chunk: sp.csr_matrix | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a chunk row by row, and where each row starts."""
    if isinstance(chunk, np.ndarray):
        n_obs, n_vars = chunk.shape
        return chunk.reshape(-1), np.arange(n_obs + 1, dtype=np.int64) * n_vars
    return chunk.data, chunk.indptr


def stacked_like(
    X: Any,  # noqa: ANN401 - any array kind
    parts: list[sp.csr_matrix | np.ndarray],
    dtype: np.dtype,
) -> Any:  # noqa: ANN401
    """Put parts of `dtype` one below the other, in the array kind of `X`."""
    if not sp.issparse(X):
        return np.concatenate(parts) if parts else np.zeros(X.shape, dtype)
    stacked = sp.vstack(parts, format="csr") if parts else sp.csr_matrix(X.shape, dtype=dtype)
    kind = sp.csr_array if isinstance(X, sp.sparray) else sp.csr_matrix
    return kind(stacked).asformat(X.format)


def _wide(X: Any) -> Any:  # noqa: ANN401 - any sparse kind
    """Return integers in a type in which the sum of duplicates cannot overflow."""
    return X.astype(_float_of(X.dtype)) if X.dtype.kind in "biu" else X


def _float_of(dtype: np.dtype) -> np.dtype:
    # The kernels are compiled for two types; integers up to 2**53 stay exact in float64.
    if dtype.kind not in "biuf":
        raise TypeError(f"The matrix holds {dtype} values; numbers are needed.")
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)
