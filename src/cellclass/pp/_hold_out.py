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
