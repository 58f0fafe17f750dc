"""Choose a panel of genes, from the scores of each label against the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PANEL_BINS = "log2"
"""How counts at the median depth are pooled where nothing else is asked for: 0, 1, 2–3, 4–7, …"""
DOWN_WEIGHT = 0.5


def best_first(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order each row by score, the largest first and of equal ones the first.

    Parameters
    ----------
    scores
        float `(n_labels, n_vars)`, compared as the float32 that scanpy's layout stores.

    Returns
    -------
    int64 array of that shape: positions of the genes.
    """
    # One integer holds score and position: sorting these takes a tenth of a stable argsort.
    bits = (np.float32(0) - scores.astype(np.float32)).view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    keys = ascending.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(scores.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def round_robin(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order genes by taking the best one of each label in turn, then the second best, and so on.

    What tells a label from the rest may be up or down in it. A gene that is down is expressed in
    other labels, which bring it in themselves if it marks one of them; its score counts half. A
    gene that another label has brought in is not replaced.

    Parameters
    ----------
    scores
        Signed divergences `(n_labels, n_vars)`, negative where the gene is down in the label.

    Returns
    -------
    int64 array `(n_vars,)`: positions of all genes.
    """
    n_labels, n_vars = scores.shape
    sizes = np.where(scores < 0, -DOWN_WEIGHT * scores, scores)
    turn = np.empty((n_labels, n_vars), dtype=np.int64)
    turns = np.arange(n_vars) * n_labels
    np.put_along_axis(turn, best_first(sizes), turns[None, :], axis=1)
    turn += np.arange(n_labels)[:, None]
    return np.argsort(turn.min(axis=0))
