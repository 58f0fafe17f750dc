"""Which fold each cell, or each whole group of cells, is tested in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key, listed
from cellclass._warn import warn
from cellclass.errors import LabelError
from cellclass.pp._split_groups import assign_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anndata import AnnData

_TRIES = 5


@dataclass(frozen=True)
class Folds:
    """Folds of the labelled cells.

    Attributes
    ----------
    fold
        Fold of each cell, int64 `(n_obs,)`; -1 for a cell without a label.
    n_folds
        How many there are.
    notes
        What was done differently from what was asked for, in words.
    """

    fold: np.ndarray
    n_folds: int
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the increasing positions of training and test cells of each fold."""
        for number in range(self.n_folds):
            yield (
                np.flatnonzero((self.fold >= 0) & (self.fold != number)),
                np.flatnonzero(self.fold == number),
            )

    def noting_shared(self, obs: pd.DataFrame, key: str, batch_key: str | None) -> Folds:
        """Note where batches are in several folds although whole groups are held out."""
        if batch_key is None or batch_key == key:
            return self
        tested = self.fold >= 0
        batches = obs[batch_key].to_numpy()[tested]
        in_folds = pd.Series(self.fold[tested]).groupby(batches, observed=True).nunique()
        n_shared = int((in_folds > 1).sum())
        if n_shared == 0:
            return self
        note = (
            f"{n_shared} of {len(in_folds)} batches of {batch_key!r} are in several folds: groups "
            f"of {key!r} are kept together, batches are not. groups_key={batch_key!r} holds out "
            "batches."
        )
        return replace(self, notes=(*self.notes, note))


def check_n_folds(n_folds: int) -> None:
    """Refuse what is no number of folds."""
    if not isinstance(n_folds, (int, np.integer)) or isinstance(n_folds, bool) or n_folds < 2:
        raise ValueError(f"n_folds={n_folds!r}; a whole number from 2 on is needed.")


def groups_of(adata: AnnData, key: str, argument: str) -> np.ndarray:
    """Return the group of each cell as text; refuse a cell without one, and a single group."""
    check_obs_key(adata, key, argument)
    column = adata.obs[key]
    missing = column.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{argument}={key!r}: {missing.sum()} of {adata.n_obs} cells have no group, the first "
            f"of them {adata.obs_names[missing.argmax()]!r}. Give them one, or drop them with "
            f"adata[adata.obs[{key!r}].notna()].copy()."
        )
    groups = column.astype(str).to_numpy(dtype=str)
    names = np.unique(groups)
    if len(names) < 2:
        raise ValueError(
            f"{argument}={key!r} has a single group, '{names[0]}': no group can be held out. Add "
            f"cells of another one, or split over cells by leaving {argument} out, which tells "
            "nothing of how the model does on a new group."
        )
    return groups


def folds_over_cells(
    codes: np.ndarray, labels: Sequence[str], *, n_folds: int, rng: np.random.Generator
) -> Folds:
    """Share the cells of each label out over the folds."""
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    if n_folds > counts.sum():
        raise ValueError(
            f"n_folds={n_folds} is more than the {counts.sum()} labelled cells. Ask for fewer."
        )
    fold, dealt = np.full(len(codes), -1), 0
    for code in range(len(labels)):
        cells = rng.permutation(np.flatnonzero(codes == code))
        fold[cells] = (dealt + np.arange(len(cells))) % n_folds
        dealt += len(cells)
    rare = [f"{name!r} ({n})" for name, n in zip(labels, counts, strict=True) if n < n_folds]
    notes: tuple[str, ...] = ()
    if rare:
        notes = (
            f"Labels with fewer cells than the {n_folds} folds, and their cells: "
            f"{listed(rare, 10)}. Each is tested in as many folds as it has cells; one with a "
            "single cell cannot be scored.",
        )
        warn(f"{notes[0]} Merge them, or ask for fewer folds.")
    _check_training(codes, fold, n_folds, labels)
    return Folds(fold, n_folds, notes)


def folds_over_groups(
    codes: np.ndarray,
    labels: Sequence[str],
    groups: np.ndarray,
    *,
    n_folds: int,
    rng: np.random.Generator,
) -> Folds:
    """Share whole groups out over folds of about the same size; fewer folds for fewer groups."""
    labelled = codes >= 0
    names, group = np.unique(groups[labelled], return_inverse=True)
    notes: tuple[str, ...] = ()
    if n_folds > len(names):
        notes = (f"There are {len(names)} groups, so that each is held out once, not {n_folds}.",)
        n_folds = len(names)
    if n_folds < 2:
        raise ValueError(
            f"All labelled cells are of one group, {str(names[0])!r}: it cannot be held out. Add "
            "labelled cells of another one, or split over cells."
        )
    counts = np.zeros((len(names), len(labels)), dtype=np.int64)
    np.add.at(counts, (group, codes[labelled]), 1)
    shares = np.full(n_folds, 1 / n_folds)
    part = assign_groups(counts, shares, n_labels=0, rng=rng)
    for _ in range(_TRIES if _n_novel(counts, part, n_folds) else 0):
        other = assign_groups(counts, shares, n_labels=0, rng=rng)
        part = min(part, other, key=lambda parts: _n_novel(counts, parts, n_folds))
    fold = np.full(len(codes), -1)
    fold[labelled] = part[group]
    _check_training(codes, fold, n_folds, labels)
    return Folds(fold, n_folds, notes)


def _n_novel(counts: np.ndarray, parts: np.ndarray, n_folds: int) -> int:
    """Cells whose label no other fold has."""
    tables = np.stack([counts[parts == part].sum(axis=0) for part in range(n_folds)])
    return int(tables[:, (tables > 0).sum(axis=0) == 1].sum())


def _check_training(
    codes: np.ndarray, fold: np.ndarray, n_folds: int, labels: Sequence[str]
) -> None:
    """Refuse folds whose training cells have a single label, and folds that test nothing known."""
    n_known = 0
    for number in range(n_folds):
        trained = np.unique(codes[(fold >= 0) & (fold != number)])
        if len(trained) < 2:
            raise LabelError(
                f"Without the cells of fold {number}, only {labels[trained[0]]!r} is left to train "
                "on. Use fewer or other groups, or split over cells."
            )
        n_known += np.isin(codes[fold == number], trained).sum()
    if n_known == 0:
        raise LabelError(
            "No label occurs in two folds, so that nothing that is tested was trained on. Labels "
            "and groups seem to be the same: split over cells, or use other groups."
        )
