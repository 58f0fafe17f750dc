"""What a ranking of genes should be read with care for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cellclass.pp._js_statistics import LabelScores
    from cellclass.pp._ranked_cells import RankedCells

_FEW_CELLS = 20


def doubts(
    cells: RankedCells,
    groupby: str,
    weights: str | NDArray[np.float64],
    found: LabelScores,
    *,
    is_binned: bool,
) -> Iterator[str]:
    """Yield what the user should know about the result and can act on."""
    n_obs, n_labels = int(cells.n_cells.sum()), len(cells.labels)
    if cells.n_unlabeled:
        yield (
            f"{cells.n_unlabeled} of {cells.mask.sum()} cells have no label in obs[{groupby!r}] "
            "and were left out. Leave them out with mask_obs=… to say that this is meant."
        )
    few = np.flatnonzero(cells.n_cells < _FEW_CELLS)
    if few.size and isinstance(weights, str) and weights == "uniform":
        names = listed(f"{cells.labels[i]!r} ({cells.n_cells[i]})" for i in few)
        yield (
            f"Labels of obs[{groupby!r}] with fewer than {_FEW_CELLS} cells: {names}. "
            "With uniform weights they raise the divergence of "
            "many genes by chance. Merge them, leave them out with mask_obs=…, or pass "
            'weights="frequency".'
        )
    n_values = found.n_values[found.n_values > 1]
    if not is_binned and n_values.size and n_values.mean() * n_labels > n_obs:
        yield (
            f"The counts are deep: a gene has {n_values.mean():.0f} different ones on average, in "
            f"{n_obs} cells with {n_labels} labels, so divergences are too high by chance. Pass "
            'bins="log2" to compare powers of two.'
        )
    alone = [label for label, weight in zip(cells.labels, found.weight, strict=True) if not weight]
    if alone:
        yield (
            f"Labels that share no batch with another one: {listed(map(repr, alone))}. "
            "Within batches there is nothing to compare them with, so their scores are 0 and "
            "their p-values 1."
        )
