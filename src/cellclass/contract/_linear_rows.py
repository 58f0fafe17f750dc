"""Rows of a matrix as counts times a factor per cell, or as normalised counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.contract._restore import restored
from cellclass.contract._rows import CHUNK_SIZE, prepare_rows, row_chunks, stored_values
from cellclass.kernels import normalize_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse as sp

    from cellclass.contract._scale import Scale

# Values of a dense part, 128 MiB in float64.
_MOST_VALUES = 1 << 24


def linear_rows(
    X: Any,  # noqa: ANN401 - any array kind
    scale: Scale,
    *,
    target_sum: float | None,
) -> Iterator[tuple[slice, sp.csr_matrix | np.ndarray]]:
    """Walk over rows, some at a time, with every transformation undone.

    Parameters
    ----------
    X
        Matrix `(n_obs, n_vars)`: in memory, backed, or a Dask array; not changed.
    scale
        The scale that it is on, which must be one that can be undone.
    target_sum
        Sum of each cell's values; `None` leaves each cell's factor as it is found.

    Yields
    ------
    Which rows these are, and their values in float64, as CSR in order or C-ordered dense: arrays
    that are the caller's to change.
    """
    size = max(1, min(CHUNK_SIZE, _MOST_VALUES // max(1, X.shape[1])))
    for rows, chunk in row_chunks(prepare_rows(X), size=size):
        values = restored(chunk, scale).astype(np.float64, copy=True)
        if target_sum is not None:
            normalize_rows(*stored_values(values), target_sum)
        yield rows, values
