"""Counts at one depth, and coarse codes of them: what a few values can tell about the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native

if TYPE_CHECKING:
    from typing import Any


def at_median_depth(
    X: Any,  # noqa: ANN401 - any array kind
    cells: np.ndarray,
) -> tuple[sparse.csr_array | sparse.csc_array, np.ndarray]:
    """Scale the counts of each cell to the median depth of the cells, and round them.

    Parameters
    ----------
    X
        Counts `(n_obs, n_vars)`, of any kind that `count_divergence` takes. Never changed.
    cells
        Booleans `(n_obs,)`: the cells that are used. The others become 0 or NaN.

    Returns
    -------
    scaled
        float32 whole numbers `(n_obs, n_vars)`, CSC where `X` is, otherwise CSR, without
        duplicates. Zeros may be stored.
    depth
        Counts of each cell, float64 `(n_obs,)`.
    """
    matrix = as_array_kind(X)
    if isinstance(matrix, Compressed):
        matrix = matrix.summed() if matrix.has_duplicates() else matrix
    else:
        stored = sparse.csr_array(as_native(np.ascontiguousarray(matrix)))
        matrix = Compressed(stored.data, stored.indices, stored.indptr, stored.shape, by_gene=False)
    kind = sparse.csc_array if matrix.by_gene else sparse.csr_array
    rows = np.arange(matrix.shape[0])
    cell = matrix.indices if matrix.by_gene else np.repeat(rows, np.diff(matrix.indptr))
    depth = np.bincount(cell, weights=matrix.data, minlength=matrix.shape[0])
    factor = np.zeros(depth.size)
    np.divide(np.median(depth[cells]), depth, out=factor, where=cells & (depth > 0))
    with np.errstate(invalid="ignore"):  # cells that are left out may hold anything
        scaled = np.rint(factor[cell] * matrix.data).astype(np.float32)
    return kind((scaled, matrix.indices, matrix.indptr), shape=matrix.shape), depth


def tercile_thresholds(counts: sparse.csc_array) -> np.ndarray:
    """Return two thresholds of each gene, `(n_genes, 2)`, that part the cells in three.

    They are the terciles of the gene, where these are at least 1 and 2: a gene that is seen in
    few cells is told apart into 0, 1 and more.
    """
    n_obs, n_genes = counts.shape
    thresholds = np.empty((n_genes, 2))
    ranks = np.array([n_obs // 3, 2 * n_obs // 3])
    for gene in range(n_genes):
        values = counts.data[counts.indptr[gene] : counts.indptr[gene + 1]]
        inside = ranks - (n_obs - values.size)  # the zeros come first
        found = np.zeros(2)
        if inside[1] >= 0:
            found[inside >= 0] = np.sort(values)[inside[inside >= 0]]
        thresholds[gene, 0] = max(found[0], 1)
        thresholds[gene, 1] = max(found[1], thresholds[gene, 0] + 1)
    return thresholds
