"""Bring the array kinds that AnnData holds to the few that the kernels are compiled for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy import sparse

from cellclass.errors import ValuesError

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class Compressed:
    """The three arrays of a CSR or CSC matrix `(n_obs, n_vars)`, shared with their owner."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]
    by_gene: bool
    """CSC: each gene's entries stand together. Otherwise CSR: each cell's do."""

    def has_duplicates(self) -> bool:
        """Tell whether a cell and gene have more than one entry; the order is no matter."""
        n_minor = self.shape[0] if self.by_gene else self.shape[1]
        return bool(_has_duplicates(self.indices, self.indptr, n_minor))

    def is_in_order(self) -> bool:
        """Tell whether the entries of each cell (CSC: gene) go up; then none has duplicates."""
        return bool(_is_in_order(self.indices, self.indptr))

    def summed(self) -> Compressed:
        """Return a copy with the entries of the same cell and gene added up."""
        kind = sparse.csc_array if self.by_gene else sparse.csr_array
        arrays = (self.data.astype(_wide(self.data.dtype)), self.indices.copy(), self.indptr.copy())
        matrix = kind(arrays, shape=self.shape)
        matrix.sum_duplicates()
        return Compressed(
            matrix.data, matrix.indices, matrix.indptr.astype(np.int64), self.shape, self.by_gene
        )


def as_array_kind(X: Any) -> np.ndarray | Compressed:  # noqa: ANN401 - any array kind
    """Return a dense array, or the arrays of a CSR or CSC matrix, in a number type of numba.

    Nothing is copied in the common cases. The caller's matrix is never changed. What this function
    returned is returned as it is.

    Raises
    ------
    TypeError
        `X` is not a two-dimensional array or sparse matrix of real numbers in memory.
    ValuesError
        An entry stands outside the matrix.
    """
    if isinstance(X, Compressed):
        return X
    is_dense = isinstance(X, np.ndarray)
    if not (is_dense or sparse.issparse(X)) or X.ndim != 2:
        raise TypeError(
            f"The matrix is a {type(X).__module__}.{type(X).__qualname__}; a two-dimensional NumPy "
            "array or SciPy sparse matrix in memory is needed. Load it first, with "
            "adata.to_memory()."
        )
    if X.dtype.kind not in "biuf":
        raise TypeError(f"The matrix holds {X.dtype} values; counts are real numbers.")
    return np.asarray(X) if is_dense else _as_compressed(X)


def check_entries(X: Any) -> None:  # noqa: ANN401 - the kinds of SciPy have no common type
    """Refuse entries outside a CSR or CSC matrix, which compiled loops would look up all the same.

    Raises
    ------
    ValuesError
        A file was damaged, or the arrays of the matrix were changed by hand.
    """
    width = X.shape[X.format == "csr"]
    starts, n = X.indptr, len(X.indices)
    whole = starts[0] == 0 and starts[-1] <= n and (np.diff(starts) >= 0).all()
    if not whole or (n and (X.indices.min() < 0 or X.indices.max() >= width)):
        raise ValuesError(
            f"The matrix is damaged: an entry of it stands outside its {width} places. Its file "
            "was, or indices were changed by hand: read it again."
        )


def _as_compressed(X: Any) -> Compressed:  # noqa: ANN401 - the kinds of SciPy have no common type
    if X.dtype == np.bool_:
        X = X.tocsc(copy=True) if X.format == "csc" else X.tocsr(copy=True)
        X.sum_duplicates()  # the sum of booleans is "or"
    elif X.format not in ("csr", "csc"):
        X = X.astype(_wide(X.dtype)).tocsr()  # the conversion may sum small integers
    check_entries(X)
    return Compressed(
        as_native(X.data), X.indices, X.indptr.astype(np.int64), X.shape, X.format == "csc"
    )


def as_native(values: np.ndarray) -> np.ndarray:
    """Cast booleans, half and extended floats and foreign byte orders to what numba compiles."""
    dtype = values.dtype
    if dtype.kind == "b":
        return values.view(np.uint8)
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if dtype.itemsize < 4 else np.float64)
    return values if dtype.isnative else values.astype(dtype.newbyteorder("="))


def _wide(dtype: np.dtype) -> np.dtype:
    """Return the type of the same kind in which a sum of counts cannot overflow."""
    return np.dtype({"i": np.int64, "u": np.uint64, "f": np.float64}[dtype.kind])


@numba.njit(nogil=True, cache=True)
def _has_duplicates(indices: np.ndarray, indptr: np.ndarray, n_minor: int) -> bool:
    seen_in = np.full(n_minor, -1, dtype=np.int64)
    for major in range(indptr.size - 1):
        for minor in indices[indptr[major] : indptr[major + 1]]:
            if seen_in[minor] == major:
                return True
            seen_in[minor] = major
    return False


@numba.njit(nogil=True, cache=True)
def _is_in_order(indices: np.ndarray, indptr: np.ndarray) -> bool:
    for major in range(indptr.size - 1):
        minor = indices[indptr[major] : indptr[major + 1]]
        later = minor[1:]
        falls = np.int64(0)
        for i in range(later.size):
            falls |= np.int64(later[i] <= minor[i])
        if falls:
            return False
    return True
