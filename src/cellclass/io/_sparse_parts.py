"""Parts of a sparse matrix, in memory or on disk, joined in the order of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass.kernels import add_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[np.generic]


class _Part(NamedTuple):
    """Entries of consecutive cells; arrays, or their positions in the file."""

    first_cell: int
    n_cells: int
    bounds: Array | int
    indices: Array | int
    values: Array | int


class SparseParts:
    """Parts of a cell × gene matrix, each with the entries of some genes, or of some cells.

    Parts are added in the order of the genes (cells), so that what they hold of a cell, one after
    the other, is in order.

    Parameters
    ----------
    dtype
        Of the values.
    path
        File to keep them in; in memory without one.
    """

    def __init__(self, dtype: DTypeLike, path: Path | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self._file = None if path is None else path.open("w+b")
        self._parts: list[_Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(
        self,
        first_cell: int,
        bounds: NDArray[np.int64],
        indices: NDArray[np.int32],
        values: Array,
    ) -> None:
        """Keep a part; row ``i`` of it is ``bounds[i]`` to ``bounds[i + 1]``."""
        kept = [self._keep(array) for array in (bounds, indices, values)]
        self._parts.append(_Part(first_cell, bounds.size - 1, *kept))

    def _keep(self, array: Array) -> Array | int:
        if self._file is None:
            return array
        start = self._file.tell()
        if array.size:
            self._file.write(np.ascontiguousarray(array).data.cast("B"))
        return start

    def _get(self, kept: Array | int, start: int, stop: int, dtype: DTypeLike) -> Array:
        """Return a range of an array that was kept."""
        if isinstance(kept, np.ndarray):
            return kept[start:stop]
        assert self._file is not None  # noqa: S101 - for mypy
        array = np.empty(stop - start, dtype=dtype)
        if array.size:
            self._file.seek(kept + start * array.itemsize)
            self._file.readinto(array.data.cast("B"))
        return array

    def indptr(self, n_cells: int) -> NDArray[np.int64]:
        """Return the bounds of the cells in the joined matrix."""
        indptr = np.zeros(n_cells + 1, dtype=np.int64)
        for part in self._parts:
            bounds = self._get(part.bounds, 0, part.n_cells + 1, np.int64)
            indptr[1 + part.first_cell :][: part.n_cells] += np.diff(bounds)
        return np.cumsum(indptr, out=indptr)

    def blocks(
        self, indptr: NDArray[np.int64], most_entries: int
    ) -> Iterator[tuple[int, int, NDArray[np.int32], Array]]:
        """Yield joined cells: ``(start, stop, indices, values)``, up to so many entries.

        A single cell may have more.
        """
        start, n_cells = 0, indptr.size - 1
        while start < n_cells:
            within = np.searchsorted(indptr, indptr[start] + most_entries, side="right") - 1
            stop = min(n_cells, max(start + 1, int(within)))
            indices = np.empty(indptr[stop] - indptr[start], dtype=np.int32)
            values = np.empty(indices.size, dtype=self.dtype)
            place = indptr[start:stop] - indptr[start]
            for part in self._parts:
                first = max(start, part.first_cell)
                last = min(stop, part.first_cell + part.n_cells)
                if first < last:
                    self._join(
                        part, first, last, place[first - start : last - start], indices, values
                    )
            yield start, stop, indices, values
            start = stop

    def _join(
        self,
        part: _Part,
        first: int,
        last: int,
        place: NDArray[np.int64],
        indices: NDArray[np.int32],
        values: Array,
    ) -> None:
        """Copy what a part holds of some cells."""
        bounds = self._get(
            part.bounds, first - part.first_cell, last - part.first_cell + 1, np.int64
        )
        start, stop = int(bounds[0]), int(bounds[-1])
        if start < stop:
            some = self._get(part.indices, start, stop, np.int32)
            add_part(
                bounds,
                some,
                self._get(part.values, start, stop, self.dtype),
                place,
                indices,
                values,
            )
