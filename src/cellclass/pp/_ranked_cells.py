"""Which cells are ranked on, and what label, batch and weight they have."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key, label_codes
from cellclass.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData
    from numpy.typing import ArrayLike, NDArray

_MOST_CODES = 1 << 14  # labels × batches in one table


@dataclass(frozen=True)
class RankedCells:
    """The cells that a ranking uses."""

    labels: list[str]
    codes: NDArray[np.int64]
    """int64 `(n_obs,)`: label of each cell; -1 for a cell that is left out."""
    batches: NDArray[np.int64]
    """int64 `(n_obs,)`: batch of each cell; 0 where batches are no matter."""
    n_batches: int
    n_cells: NDArray[np.int64]
    """int64 `(n_labels,)`: cells of each label."""
    mask: NDArray[np.bool_]
    """bool `(n_obs,)`: what `mask_obs` lets through, with a label or without."""

    @property
    def n_unlabeled(self) -> int:
        """Cells that the mask lets through but that have no label."""
        return int((self.mask & (self.codes < 0)).sum())


def ranked_cells(
    adata: AnnData, groupby: str, mask_obs: ArrayLike | str | None, batch_key: str | None
) -> RankedCells:
    """Check the columns and turn them into codes.

    Raises
    ------
    KeyError
        `.obs` has no such column.
    LabelError
        Fewer than two labels have cells, or no batch has two labels.
    ValueError
        The mask does not fit, or a ranked cell has no batch.
    """
    check_obs_key(adata, groupby, "groupby")
    mask = checked_mask(adata, mask_obs)
    used = mask & _has_label(adata.obs[groupby])
    codes = np.full(adata.n_obs, -1, dtype=np.int64)
    codes[used], labels = label_codes(adata.obs[groupby][used], groupby)
    batches, n_batches = np.zeros(adata.n_obs, dtype=np.int64), 1
    if batch_key is not None:
        check_obs_key(adata, batch_key, "batch_key")
        column = adata.obs[batch_key].astype("category")[used].cat.remove_unused_categories()
        batches[used], n_batches = column.cat.codes, len(column.cat.categories)
        _check_batches(column, codes[used], batches[used], n_batches, groupby, batch_key)
    return RankedCells(labels, codes, batches, n_batches, np.bincount(codes[used]), mask)


def _check_batches(
    column: pd.Series,
    codes: NDArray[np.int64],
    batches: NDArray[np.int64],
    n_batches: int,
    groupby: str,
    batch_key: str,
) -> None:
    if (batches < 0).any():
        raise ValueError(
            f"obs[{batch_key!r}] names no batch for {(batches < 0).sum()} of {batches.size} ranked "
            f"cells, the first of them {column.index[np.argmax(batches < 0)]!r}. Leave them out "
            "with mask_obs=…, or name their batch."
        )
    n_codes = n_batches * int(codes.max() + 1)
    if n_codes > _MOST_CODES:
        raise ValueError(
            f"{n_batches} batches × {codes.max() + 1} labels do not fit; at most {_MOST_CODES:,} "
            f"combinations do. Pass a coarser batch_key than {batch_key!r}."
        )
    pairs = np.unique(batches * int(codes.max() + 1) + codes) // int(codes.max() + 1)
    if np.bincount(pairs).max() < 2:
        raise LabelError(
            f"No batch of obs[{batch_key!r}] holds two labels of obs[{groupby!r}], so within "
            "batches there is nothing to compare. Rank without batch_key, knowing that a "
            "difference between batches will look like one between labels."
        )


def _has_label(column: pd.Series) -> NDArray[np.bool_]:
    """Tell for each cell whether it has a label: neither NaN nor an empty text."""
    column = column.astype("category")
    blank = [not str(category).strip() for category in column.cat.categories]
    codes = column.cat.codes.to_numpy()
    return (codes >= 0) & ~np.isin(codes, np.flatnonzero(blank))


def checked_mask(adata: AnnData, mask_obs: ArrayLike | str | None) -> NDArray[np.bool_]:
    """Return the mask as booleans `(n_obs,)`, or refuse it."""
    if isinstance(mask_obs, pd.Series) and not mask_obs.index.equals(adata.obs_names):
        raise ValueError(
            "mask_obs is a Series whose index is not adata.obs_names in their order. Pass "
            "mask_obs.reindex(adata.obs_names)."
        )
    if mask_obs is None:
        return np.ones(adata.n_obs, dtype=bool)
    if isinstance(mask_obs, str):
        check_obs_key(adata, mask_obs, "mask_obs")
        what, mask = f"obs[{mask_obs!r}]", adata.obs[mask_obs].to_numpy()
    else:
        what, mask = "mask_obs", np.asarray(mask_obs)
    if mask.dtype != np.bool_ or mask.shape != (adata.n_obs,):
        raise ValueError(
            f"{what} has dtype {mask.dtype} and shape {mask.shape}; a mask holds one boolean per "
            f"cell, ({adata.n_obs},), and no missing value."
        )
    if not mask.any():
        raise ValueError(f"{what} leaves no cell: every entry is False.")
    return mask


def check_number(
    number: int | None, argument: str, lowest: int, highest: int | None = None, what: str = ""
) -> int | None:
    """Return a whole number as int, or refuse it with its range."""
    if number is None:
        return None
    n = operator.index(number)
    if n < lowest or (highest is not None and n > highest):
        bounds = f"less than {lowest}" if highest is None else f"outside {lowest} to {highest}"
        raise ValueError(f"{argument}={n} is {bounds}{what}.")
    return n


def check_weights(
    weights: str | Mapping[str, float], labels: list[str]
) -> str | NDArray[np.float64]:
    """Return the name of the weights, or one for each label in the order of the labels."""
    if isinstance(weights, str):
        if weights not in ("uniform", "frequency"):
            raise ValueError(
                f'weights={weights!r} is neither "uniform" nor "frequency" nor one number for each '
                "label, as {label: weight}."
            )
        return weights
    named = {str(label): float(weight) for label, weight in weights.items()}
    for what, names in {
        "has no weight for": set(labels) - set(named),
        "names labels that no cell has:": set(named) - set(labels),
    }.items():
        if names:
            raise LabelError(f"weights {what} {sorted(names)}. The labels: {labels}.")
    shares = np.array([named[label] for label in labels])
    if not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise ValueError(f"weights holds a negative or non-finite number: {named}.")
    if abs(shares.sum() - 1) > 1e-8:
        raise ValueError(f"weights sum to {shares.sum():.9g}, not 1. Divide them by their sum.")
    return shares
