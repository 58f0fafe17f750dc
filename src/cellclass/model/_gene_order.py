"""Orders of genes in which neighbours mean something, for networks that look at neighbours."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

GeneOrder = Literal["correlation", "js", "reference", "random"]
ORDERS = ("correlation", "js", "reference", "random")
# The table genes × genes, in float64, is then 800 MB, as are the distances.
_MOST_CORRELATED = 10_000


def order_genes(how: GeneOrder, X: np.ndarray, selected: np.ndarray, *, seed: int) -> np.ndarray:
    """Return the positions of the genes in an order, int64 `(n_genes,)`.

    Parameters
    ----------
    how
        `correlation`: the leaves of an average-linkage clustering of the genes, whose distance is
        1 - r, with Pearson's r over the cells; `js`: as they are, best genes first; `reference`: as
        they stand in the reference; `random`: by chance.
    X
        Model input of the training cells, `(n_cells, n_genes)`.
    selected
        Places of the genes in the reference, `(n_genes,)`.
    seed
        Of the random order.
    """
    n_genes = len(selected)
    if how == "js":
        return np.arange(n_genes)
    if how == "reference":
        return np.argsort(selected)
    if how == "random":
        return np.random.default_rng(seed).permutation(n_genes)
    if n_genes > _MOST_CORRELATED:
        raise ValueError(
            f"gene_order='correlation' compares all pairs of genes, and there are {n_genes:,} "
            f"genes; {_MOST_CORRELATED:,} are the most. Choose fewer with n_top_genes, or "
            "gene_order='reference'."
        )
    if n_genes < 3:
        return np.arange(n_genes)
    return leaves_list(linkage(_distances(X), "average")).astype(np.int64)


def _distances(X: np.ndarray) -> np.ndarray:
    """Return 1 - r of all pairs of genes, condensed; a constant gene is correlated with none."""
    centred = X - X.mean(axis=0, dtype=np.float64).astype(X.dtype)
    norm = np.sqrt(np.square(centred).sum(axis=0))
    centred /= np.where(norm > 0, norm, 1)
    distance = 1.0 - (centred.T @ centred).astype(np.float64)
    np.fill_diagonal(distance, 0.0)
    # rounding can make it negative by a hair, and two triangles differ
    return squareform(np.clip((distance + distance.T) / 2, 0.0, 2.0), checks=False)
