"""Find out what is wrong with values that are not counts; runs only after a kernel stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

COUNT_LIMIT = 2**24
"""Counts stay below this: the whole numbers that float32 holds exactly."""

ROWS_AT_ONCE = 1024

# worst first: scaled data is negative and fractional, and "negative" says more
_KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "NaN": np.isnan,
    "infinite": np.isinf,
    "negative": lambda values: values < 0,
    "fractional": lambda values: np.isfinite(values) & (values != np.floor(values)),
    "too large": lambda values: values >= COUNT_LIMIT,
}


@dataclass(frozen=True)
class BadCounts:
    """The values of one kind that are not counts, and the first of them in the order of genes."""

    kind: str
    """`"NaN"`, `"infinite"`, `"negative"`, `"fractional"` or `"too large"`."""
    n_values: int
    gene: int
    """Position of the first gene that has one."""
    cell: int
    """Position of the first such cell in that gene."""
    value: float

    def __str__(self) -> str:
        values = "value" if self.n_values == 1 else "values"
        return f"{self.n_values:,} {self.kind} {values}"


def find_bad_counts(
    X: Any,  # noqa: ANN401 - any array kind
    codes: np.ndarray,
    *,
    fractions: bool = False,
) -> BadCounts | None:
    """Find the values that are not counts: whole numbers from 0 to 2²⁴ - 1.

    Parameters
    ----------
    X
        The matrix `(n_obs, n_vars)`, of any kind that `count_divergence` takes.
    codes
        Label codes `(n_obs,)`; cells with code -1 are not looked at.
    fractions
        Whether fractional values are as good as counts.

    Returns
    -------
    The worst kind of value that there is, or None when all are counts.
    """
    matrix = as_array_kind(X)
    if isinstance(matrix, Compressed) and matrix.has_duplicates():
        matrix = matrix.summed()
    for kind, is_bad in _KINDS.items():
        if fractions and kind == "fractional":
            continue
        n_values, first = 0, None
        for values, cells, genes in _entries(matrix, is_bad):
            used = np.flatnonzero(codes[cells] >= 0)
            n_values += used.size
            if used.size:
                here = used[np.lexsort((cells[used], genes[used]))[0]]
                place = (int(genes[here]), int(cells[here]), float(values[here]))
                first = place if first is None else min(first, place)
        if first is not None:
            return BadCounts(kind, n_values, *first)
    return None


def _entries(
    matrix: np.ndarray | Compressed, is_bad: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the bad values with the positions of their cells and genes, block by block."""
    if isinstance(matrix, np.ndarray):
        for start in range(0, matrix.shape[0], ROWS_AT_ONCE):
            block = as_native(np.ascontiguousarray(matrix[start : start + ROWS_AT_ONCE]))
            cells, genes = np.nonzero(is_bad(block))
            yield block[cells, genes], cells + start, genes
        return
    for start in range(0, matrix.indptr.size - 1, ROWS_AT_ONCE):
        indptr = matrix.indptr[start : start + ROWS_AT_ONCE + 1]
        bad = np.flatnonzero(is_bad(matrix.data[indptr[0] : indptr[-1]])) + indptr[0]
        major = start + np.searchsorted(indptr, bad, side="right") - 1
        minor = matrix.indices[bad]
        cells, genes = (minor, major) if matrix.by_gene else (major, minor)
        yield matrix.data[bad], cells, genes
