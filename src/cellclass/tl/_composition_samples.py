"""Cells of each sample by label, with the condition of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key, check_one_type, listed, near
from cellclass._keys import UNASSIGNED
from cellclass._warn import warn
from cellclass.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from cellclass.tl._annotation import Annotation

# A share of 5 % is known to within 6 points in a sample of so many cells.
_FEW_CELLS = 50


@dataclass(frozen=True)
class Samples:
    """Counts of cells.

    Attributes
    ----------
    labels
        The labels; with unassigned cells kept, these come last.
    names, conditions
        Of samples and of conditions.
    condition
        Place of each sample's condition in `conditions`, int64 `(n_samples,)`.
    counts
        Cells by sample and label, int64 `(n_samples, n_labels)`.
    n_cells, n_unassigned
        Cells of each sample, and those without a label, int64 `(n_samples,)`.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    conditions: tuple[str, ...]
    condition: np.ndarray
    counts: np.ndarray
    n_cells: np.ndarray
    n_unassigned: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Share of each label among the cells of a sample, float64 `(n_samples, n_labels)`."""
        return self.counts / self.counts.sum(axis=1, keepdims=True)

    def of(self, condition: int) -> np.ndarray:
        """Places of the samples of a condition."""
        return np.flatnonzero(self.condition == condition)


class Merging:
    """Labels that are counted together.

    Parameters
    ----------
    labels
        The labels of the annotation.
    merge
        The name of the merged label for some of them.
    """

    def __init__(self, labels: Sequence[str], merge: Mapping[str, str] | None) -> None:
        merge = {str(label): str(name) for label, name in (merge or {}).items()}
        for label in merge:
            if label not in labels:
                raise LabelError(
                    f"merge: {label!r} is no label of the annotation. Labels: "
                    f"{near(label, labels)}."
                )
        if UNASSIGNED in merge.values():
            raise LabelError(
                f"merge: {UNASSIGNED!r} stands for cells without a label. Choose another name."
            )
        self._names = [merge.get(label, label) for label in labels]
        self._before = list(labels)
        self.labels = tuple(dict.fromkeys(self._names))
        if len(self.labels) < 2:
            raise LabelError("merge leaves a single label, which all cells have. Merge fewer.")
        self.codes = np.array([self.labels.index(name) for name in self._names])

    def place(self, label: str) -> int:
        """Place of a label, merged or not, in `labels`; -1 for one that is not there."""
        if label in self._before:
            return int(self.codes[self._before.index(label)])
        return self.labels.index(label) if label in self.labels else -1

    def summed(self, counts: np.ndarray) -> np.ndarray:
        """Add up the rows and columns of labels that are merged."""
        found = np.zeros((len(self.labels),) * 2, dtype=counts.dtype)
        np.add.at(found, (self.codes[:, None], self.codes[None, :]), counts)
        return found


def count_samples(
    adata: AnnData,
    annotation: Annotation,
    merging: Merging,
    *,
    sample_key: str,
    condition_key: str | None,
    keep_unassigned: bool,
) -> Samples:
    """Count the cells of each sample and label."""
    if adata.n_obs == 0:
        raise ValueError("The AnnData has no cells, so there is no sample to compare.")
    sample = _groups(adata, sample_key, "sample_key")
    names = sample.cat.categories
    codes = sample.cat.codes.to_numpy(dtype=np.int64)
    conditions, condition = names, np.arange(len(names))
    if condition_key is not None:
        of_cell = _groups(adata, condition_key, "condition_key")
        conditions = of_cell.cat.categories
        condition = _one_each(of_cell, codes, names, (sample_key, condition_key))
    given = annotation.assigned
    counts = np.zeros((len(names), len(merging.labels)), dtype=np.int64)
    np.add.at(counts, (codes[given], merging.codes[annotation.codes[given]]), 1)
    n_unassigned = np.bincount(codes[~given], minlength=len(names))
    labels = merging.labels
    if keep_unassigned:
        labels, counts = (*labels, UNASSIGNED), np.column_stack([counts, n_unassigned])
    _check_sizes(counts.sum(axis=1), n_unassigned, names, sample_key)
    return Samples(
        labels=labels,
        names=tuple(names.astype(str)),
        conditions=tuple(conditions.astype(str)),
        condition=condition,
        counts=counts,
        n_cells=np.bincount(codes, minlength=len(names)),
        n_unassigned=n_unassigned,
    )


def _groups(adata: AnnData, key: str, argument: str) -> pd.Series:
    """Return the column as a category without unused ones, or say which cells have no value."""
    check_obs_key(adata, key, argument)
    column = adata.obs[key]
    check_one_type(column, key)
    missing = column.isna() | (column.astype(str).str.strip() == "")
    if missing.any():
        first = adata.obs_names[np.flatnonzero(missing)[0]]
        raise ValueError(
            f"obs[{key!r}] is missing for {int(missing.sum())} of {adata.n_obs} cells, the first "
            f"of them {first!r}. Leave them out: adata[adata.obs[{key!r}].notna() & "
            f"(adata.obs[{key!r}] != '')].copy()."
        )
    return column.astype("category").cat.remove_unused_categories()


def _one_each(
    condition: pd.Series, codes: np.ndarray, names: pd.Index, keys: tuple[str, str]
) -> np.ndarray:
    """Return the condition of each sample; refuse a sample that has several."""
    table = pd.crosstab(codes, condition.cat.codes.to_numpy()).to_numpy()
    several = np.flatnonzero((table > 0).sum(axis=1) > 1)
    if several.size:
        found = [str(condition.cat.categories[i]) for i in np.flatnonzero(table[several[0]])]
        sample_key, condition_key = keys
        raise ValueError(
            f"Sample {str(names[several[0]])!r} of obs[{sample_key!r}] has cells of "
            f"{len(found)} conditions of obs[{condition_key!r}]: {found}. A sample is of one. If "
            "samples of several conditions share a name, tell them apart: "
            f"adata.obs['sample_id'] = adata.obs[{sample_key!r}].astype(str) + ' ' + "
            f"adata.obs[{condition_key!r}].astype(str), and sample_key='sample_id'."
        )
    return table.argmax(axis=1)


def _check_sizes(
    n_cells: np.ndarray, n_unassigned: np.ndarray, names: pd.Index, sample_key: str
) -> None:
    if (n_cells == 0).any():
        place = int(np.flatnonzero(n_cells == 0)[0])
        raise ValueError(
            f"Sample {str(names[place])!r} has no cell with a label ({n_unassigned[place]} are "
            f"{UNASSIGNED!r}). Leave it out: adata[adata.obs[{sample_key!r}] != "
            f"{names[place]!r}].copy(), or count them: unassigned='keep'."
        )
    few = np.flatnonzero(n_cells < _FEW_CELLS)
    if few.size:
        small = listed(f"{str(names[i])!r} ({n_cells[i]})" for i in few)
        warn(
            f"{few.size} of {len(n_cells)} samples have less than {_FEW_CELLS} cells: {small}. "
            "A sample counts as much as any other of its "
            "condition: leave those out, or pool samples that belong together.",
        )
