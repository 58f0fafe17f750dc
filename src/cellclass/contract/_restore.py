"""Rows of expression brought back to what they were before a transformation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from cellclass.kernels import LINEAR, restore_values

if TYPE_CHECKING:
    from cellclass.contract._scale import Scale


#: `Scale.form` of values that need nothing to be undone.
AS_STORED = (LINEAR, 0.0, False)


def restored(
    chunk: sp.csr_matrix | np.ndarray,
    scale: Scale,
    *,
    form: tuple[int, float, bool] | None = None,
) -> sp.csr_matrix | np.ndarray:
    """Return counts, or counts times a factor per cell, of rows on a scale that can be undone.

    Parameters
    ----------
    chunk
        Rows as `take_rows` gives them; not changed.
    scale
        The scale of the matrix that they come from.
    form
        How to bring values back; by default as the scale says.

    Returns
    -------
    The rows themselves where nothing is to be undone; else a float64 copy.
    """
    form = form or scale.form
    if form == AS_STORED:
        return chunk
    if isinstance(chunk, np.ndarray):
        out = np.empty(chunk.shape)
        restore_values(chunk.reshape(-1), form, out.reshape(-1))
        return out
    data = np.empty(chunk.data.shape)
    restore_values(chunk.data, form, data)
    return sp.csr_matrix((data, chunk.indices, chunk.indptr), shape=chunk.shape)
