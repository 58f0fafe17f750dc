"""Which part of a split each whole group of cells goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS, _STARTS_OF_FEW, _FEW = 8, 64, 24  # few groups have local optima that are worse
_MOST_STEPS = 500
_MOST_SWAPPED = 256  # with more groups than this, moving them one by one is fine enough
# Labels that no training cell has weigh more than any size; proportions decide between equal sizes.
_ABSENT, _PROPORTIONS = 10.0, 0.01


def assign_groups(
    counts: np.ndarray, shares: np.ndarray, *, n_labels: int, rng: np.random.Generator
) -> np.ndarray:
    """Share whole groups out so that the parts have the sizes asked for.

    From a few random starts, the move of one group or the swap of two that improves most is made
    until none does, and the best result is returned. What is improved: first that the labels are
    all in the first part, then the sizes, then that each label is shared out like the cells.

    Parameters
    ----------
    counts
        Cells of each group and label, `(n_groups, n_columns)`; columns from `n_labels` on are cells
        without a label, which need not be in the first part.
    shares
        Share (0–1) of the cells that each part should have, `(n_parts,)`; each gets a group.
    n_labels
        Number of labels.
    rng
        Decides the starts.

    Returns
    -------
    The part of each group, int64 `(n_groups,)`.
    """
    best, lowest = np.zeros(0, dtype=np.int64), np.inf
    for _ in range(_STARTS_OF_FEW if len(counts) <= _FEW else _STARTS):
        parts = _start(counts.sum(axis=1), shares, rng)
        cost = _improve(parts, counts, shares, n_labels)
        if cost < lowest - 1e-12:
            best, lowest = parts, cost
    return best


def _start(sizes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give groups, in random order, to the part that lacks most; each part gets one first."""
    parts = np.zeros(sizes.size, dtype=np.int64)
    lacking = shares * sizes.sum()
    order = rng.permutation(sizes.size)
    for place, group in enumerate(order):
        part = place if place < shares.size else int(lacking.argmax())
        parts[group] = part
        lacking[part] -= sizes[group]
    return parts


def _improve(parts: np.ndarray, counts: np.ndarray, shares: np.ndarray, n_labels: int) -> float:
    """Move and swap groups, in place, while it helps; return the cost at the end."""
    tables = np.stack([counts[parts == part].sum(axis=0) for part in range(shares.size)])
    cost = float(_cost(tables, shares, n_labels))
    for _ in range(_MOST_STEPS):
        change, lowest = None, cost - 1e-12
        for candidate, after in _changes(parts, counts, tables):
            costs = _cost(after, shares, n_labels)
            place = int(costs.argmin())
            if costs[place] < lowest:
                lowest, change = float(costs[place]), (candidate[place], after[place])
        if change is None:
            break
        ((first, to, second, back), tables), cost = change, lowest
        parts[first] = to
        if second >= 0:
            parts[second] = back
    return cost


def _changes(
    parts: np.ndarray, counts: np.ndarray, tables: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield changes `(group, its new part, other group or -1, its new part)` and their tables."""
    groups, every = np.arange(parts.size), np.arange(len(tables))
    movable = np.bincount(parts, minlength=len(tables))[parts] > 1
    first, to = np.nonzero(movable[:, None] & (parts[:, None] != every))
    if first.size:
        none = np.full_like(first, -1)
        yield _carried_out(np.stack([first, to, none, none], axis=1), parts, counts, tables)
    if parts.size > _MOST_SWAPPED:
        return
    for group in groups:
        others = np.flatnonzero((parts != parts[group]) & (groups > group))
        if others.size:
            same = np.full_like(others, group)
            change = np.stack([same, parts[others], others, parts[same]], axis=1)
            yield _carried_out(change, parts, counts, tables)


def _carried_out(
    changes: np.ndarray, parts: np.ndarray, counts: np.ndarray, tables: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    first, to, second, _ = changes.T
    given = counts[first] - np.where(second[:, None] < 0, 0, counts[second])
    after = np.repeat(tables[None], len(changes), axis=0)
    after[np.arange(len(changes)), parts[first]] -= given
    after[np.arange(len(changes)), to] += given
    return changes, after


def _cost(tables: np.ndarray, shares: np.ndarray, n_labels: int) -> np.ndarray:
    """Return how far tables `(…, n_parts, n_columns)` are from what was asked."""
    cells = tables.sum(axis=(-2, -1))
    sizes = np.abs(tables.sum(axis=-1) / cells[..., None] - shares).sum(axis=-1)
    labels = np.maximum(tables.sum(axis=-2), 1)
    uneven = np.abs(tables / labels[..., None, :] - shares[:, None]).sum(axis=-2).mean(axis=-1)
    absent = (tables[..., 0, :n_labels] == 0).sum(axis=-1)
    return _ABSENT * absent + sizes + _PROPORTIONS * uneven
