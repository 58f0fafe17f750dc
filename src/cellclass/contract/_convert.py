"""A whole matrix brought from one scale to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cellclass._checks import is_dask
from cellclass.contract._restore import restored
from cellclass.contract._rows import prepare_rows, row_chunks, stacked_like
from cellclass.errors import ScaleError

if TYPE_CHECKING:
    import scipy.sparse as sp

    from cellclass.contract._scale import Scale

Target = Literal["log1p", "normalized", "counts"]

# A value restored to a count may lie this far from a whole number.
_COUNT_TOLERANCE = 0.25


def convert(X: Any, scale: Scale, target: Target, *, target_sum: float | None) -> Any:  # noqa: ANN401
    """Bring a matrix to another scale.

    Parameters
    ----------
    X
        Matrix `(n_obs, n_vars)`, in memory or a Dask array; not changed.
    scale
        The scale that it is on, which must be one that can be undone.
    target
        The scale to bring it to.
    target_sum
        Counts per cell to normalise to; `None` keeps each cell's factor.

    Returns
    -------
    A new matrix of the same array kind, float64 where `X` is, else float32.

    Raises
    ------
    ScaleError
        Values are stored too roughly to be restored to whole counts.
    """
    if not is_dask(X):
        return _convert(X, scale, target, target_sum)
    X = X.rechunk({1: -1})
    meta = _convert(X._meta, scale, target, target_sum)  # noqa: SLF001 - as anndata does
    return X.map_blocks(_convert, scale, target, target_sum, dtype=meta.dtype, meta=meta)


def _convert(X: Any, scale: Scale, target: Target, target_sum: float | None) -> Any:  # noqa: ANN401
    dtype = np.dtype(np.float64 if X.dtype == np.float64 else np.float32)
    parts = [
        _converted(chunk, scale, target, target_sum).astype(dtype, copy=False)
        for _, chunk in row_chunks(prepare_rows(X))
    ]
    return stacked_like(X, parts, dtype)


def _converted(
    chunk: sp.csr_matrix | np.ndarray, scale: Scale, target: Target, target_sum: float | None
) -> sp.csr_matrix | np.ndarray:
    values = restored(chunk, scale).astype(np.float64, copy=True)
    if target == "counts":
        _check_counts(values, chunk, scale)
    elif target_sum is not None:
        total = np.asarray(values.sum(axis=1)).ravel()
        factor = np.divide(target_sum, total, out=np.zeros_like(total), where=total > 0)
        if isinstance(values, np.ndarray):
            values *= factor[:, None]
        else:
            values.data *= np.repeat(factor, np.diff(values.indptr))
    if target == "log1p":
        data = values if isinstance(values, np.ndarray) else values.data
        np.log1p(data, out=data)
    if not isinstance(values, np.ndarray):
        values.eliminate_zeros()
    return values


def _check_counts(
    counts: sp.csr_matrix | np.ndarray, chunk: sp.csr_matrix | np.ndarray, scale: Scale
) -> None:
    """Refuse counts that the stored values do not give to within a quarter."""
    transform, offset, is_count = scale.form
    if not is_count:
        return
    unrounded = restored(chunk, scale, form=(transform, offset, False))
    far = abs(unrounded - counts).max() if counts.size else 0.0
    if far > _COUNT_TOLERANCE:
        raise ScaleError(
            f"The values are {scale}, but stored so roughly that counts come out up to {far:.2g} "
            "off. Normalised values can be had: target='log1p' or target='normalized'."
        )
