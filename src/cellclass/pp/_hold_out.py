"""Which cells are trained on and which are kept aside."""

from __future__ import annotations

import numpy as np


def hold_out(
    codes: np.ndarray, *, held_out: float, seed: int | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the same share of each label aside; every label keeps at least one training cell.

    Parameters
    ----------
    codes
        Label codes, `(n_obs,)`; cells with -1 are left out of both parts.
    held_out
        Share (0–1) to keep aside. A share that is not a whole number of cells is rounded up or
        down at random, so that rare labels are kept aside as often as common ones.
    seed
        Of the generator, or the generator itself, which is advanced.

    Returns
    -------
    training, validation
        Increasing positions of cells.
    """
    rng = np.random.default_rng(seed)
    aside = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes[codes >= 0]):
        cells = np.flatnonzero(codes == code)
        n_aside = min(int(len(cells) * held_out + rng.random()), len(cells) - 1)
        aside[rng.permutation(cells)[:n_aside]] = True
    return np.flatnonzero(~aside & (codes >= 0)), np.flatnonzero(aside)


def deal(
    codes: np.ndarray, *, n_parts: int, seed: int, strata: np.ndarray | None = None
) -> np.ndarray:
    """Deal cells to parts, each of which is to be answered without having been learned from.

    The cells of a label are dealt one by one, so that every part has its share, and no part has all
    of a label.

    Parameters
    ----------
    codes
        Label codes, `(n_obs,)`; -1 for no label.
    n_parts
        How many parts.
    seed
        Of the order in which cells are dealt.
    strata
        Such as batches, `(n_obs,)`, that are to be shared out evenly too, within labels.

    Returns
    -------
    int64 array `(n_obs,)`: the part of each cell; -1 for the only cell of a label, which is learned
    from throughout, and for a cell without a label.
    """
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    second = np.zeros(len(codes)) if strata is None else strata
    order = shuffled[np.lexsort((second[shuffled], codes[shuffled]))]
    order = order[codes[order] >= 0]
    n_cells = np.bincount(codes[order])
    order = order[n_cells[codes[order]] > 1]
    part = np.full(len(codes), -1, dtype=np.int64)
    part[order] = np.arange(len(order)) % n_parts
    return part
