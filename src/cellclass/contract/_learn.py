"""What a contract learns from the training cells: gene ranking and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from cellclass.contract._restore import AS_STORED, restored
from cellclass.contract._rows import CHUNK_SIZE, take_rows
from cellclass.kernels import count_divergence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass.contract._scale import Scale


def rank_training_genes(
    X: Any,  # noqa: ANN401
    scale: Scale,
    codes: np.ndarray,
    rows: np.ndarray,
    *,
    n_labels: int,
) -> np.ndarray:
    """JS divergence of each gene's counts across labels, over the training cells alone.

    Where only normalised values are at hand, they are brought to the depth at which the smallest
    value of the median cell is one count, and rounded. Counts with fractions are rounded.

    Returns
    -------
    float64 array `(n_vars,)`, nats.
    """
    cells = X[rows] if sp.issparse(X) or isinstance(X, np.ndarray) else take_rows(X, rows)
    if scale.form != AS_STORED:
        cells = restored(take_rows(cells, slice(None)), scale)
    if not scale.of_counts:
        cells = _rounded(cells, has_units=scale.name == "counts")
    return count_divergence(cells, codes[rows], n_labels)


def training_gene_share(X: Any, scale: Scale, rows: np.ndarray) -> np.ndarray:  # noqa: ANN401
    """Mean share (0–1) of a training cell's counts that falls on each gene, `(n_vars,)`."""
    share = np.zeros(X.shape[1])
    for chunk in _linear_chunks(X, scale, rows):
        total = np.asarray(chunk.sum(axis=1)).ravel()
        weight = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        share += chunk.T @ weight
    return share / max(share.sum(), np.finfo(float).tiny)


def _linear_chunks(
    X: Any,  # noqa: ANN401
    scale: Scale,
    rows: np.ndarray,
) -> Iterator[sp.csr_matrix | np.ndarray]:
    for start in range(0, len(rows), CHUNK_SIZE):
        chunk = restored(take_rows(X, rows[start : start + CHUNK_SIZE]), scale)
        yield chunk.astype(np.float64, copy=False)


def _rounded(cells: Any, *, has_units: bool) -> sp.csr_matrix:  # noqa: ANN401
    cells = sp.csr_matrix(cells, copy=True)
    cells.eliminate_zeros()
    filled = np.flatnonzero(np.diff(cells.indptr))
    if filled.size and not has_units:
        cells.data = cells.data / np.median(np.minimum.reduceat(cells.data, cells.indptr[filled]))
    cells.data = np.rint(cells.data)
    cells.eliminate_zeros()
    return cells
