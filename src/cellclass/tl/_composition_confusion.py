"""The confusion matrix that proportions are corrected with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._checks import near
from cellclass._keys import (
    CONFUSION,
    CONTRACT_REPORT,
    MODEL_CARD,
    PRIOR_CORRECTION,
    UNASSIGNED,
)
from cellclass._warn import warn
from cellclass.errors import LabelError
from cellclass.metrics import confusion_df
from cellclass.metrics._proportions import SINGULAR, indistinct, smallest_singular_value
from cellclass.tl._cross_validation import CrossValidation

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.tl._annotation import Annotation
    from cellclass.tl._composition_samples import Merging

_HARD = 0.2
_MUCH_MISSING = 0.1
_OTHER = (
    "Pass confusion=cc.tl.cross_validate(reference, …), which answers every cell of the reference "
    "out of fold"
)


def check_as_annotated(adata: AnnData, annotation: Annotation, key: str) -> None:
    """Refuse labels that are not the model's own answer, whose confusion nobody has measured."""
    shift = adata.uns[key].get(PRIOR_CORRECTION, {})
    if isinstance(shift, Mapping) and shift.get("applied", False):
        raise ValueError(
            f"The labels under key={key!r} follow the proportions of the query already "
            "(prior_correction=True), and the confusion matrix is not one of such labels. Annotate "
            "without it, or count them as they are: correct=False."
        )
    given = annotation.assigned
    changed = annotation.probability[given].argmax(axis=1) != annotation.codes[given]
    if changed.any():
        raise ValueError(
            f"{int(changed.sum())} of {int(given.sum())} labels in obs[{key!r}] are not the most "
            "probable one, so they were changed after cc.tl.annotate, and the confusion matrix is "
            "not theirs. Annotate again, or count them as they are: correct=False."
        )
    report = adata.uns[key].get(CONTRACT_REPORT, {})
    missing = float(report.get("missing_importance", 0.0))
    if missing > _MUCH_MISSING:
        warn(
            f"The query lacks genes with {missing:.0%} of the model's weight, and the confusion "
            "matrix was measured with all of them: the correction is too small. Train the model "
            "on the genes that both have: reference[:, reference.var_names.isin(query.var_names)].",
        )


def read_confusion(
    adata: AnnData, annotation: Annotation, key: str, given: CrossValidation | pd.DataFrame | None
) -> np.ndarray:
    """Return cells by true and predicted label, int64 `(n_labels, n_labels)`."""
    if given is None:
        return _of_the_model(adata.uns[key].get(MODEL_CARD, {}), annotation, key)
    if isinstance(given, CrossValidation):
        scored = given.predictions[given.predictions["scored"].astype(bool)]
        given = confusion_df(scored["truth"].astype(str), scored["predicted"].astype(str))
    if not isinstance(given, pd.DataFrame):
        raise TypeError(
            f"confusion is a {type(given).__name__}; a CrossValidation or a data frame of cells by "
            "true and predicted label is needed, as cc.metrics.confusion_df makes it."
        )
    return _from_table(given, annotation.labels)


def check_rows(confusion: np.ndarray, counts: np.ndarray, merging: Merging) -> None:
    """Refuse labels that have cells, but none to calibrate on, and labels that are one.

    Parameters
    ----------
    confusion
        Cells by true and predicted label, `(n_labels, n_labels)`.
    counts
        Cells by sample and predicted label, `(n_samples, n_labels)`.
    merging
        The labels.
    """
    n_cells, labels = confusion.sum(axis=1), merging.labels
    empty = (n_cells == 0) & (counts[:, : len(labels)].sum(axis=0) > 0)
    if empty.any():
        names = [labels[i] for i in np.flatnonzero(empty)]
        raise LabelError(
            f"No cell of {names} was held out in training, so it is unknown what such cells are "
            f"taken for. {_OTHER}; or count them with another label: "
            f"merge={{{names[0]!r}: 'another label'}}."
        )
    rates = np.where(
        n_cells[:, None] > 0, confusion / np.maximum(n_cells, 1)[:, None], np.eye(len(labels))
    )
    smallest = smallest_singular_value(rates)
    if smallest >= _HARD:
        return
    one, other = (labels[i] for i in indistinct(rates))
    what = (
        f"of the labels {one!r} and {other!r}: the model tells them apart too badly (smallest "
        f"singular value of the confusion matrix {smallest:.2g}; 1 without errors). Count them "
        f"together: merge={{{other!r}: {one!r}}}."
    )
    if smallest < SINGULAR:
        raise LabelError(f"Held-out cells do not allow to tell the proportions {what}")
    warn(f"Little is known of the proportions {what}")


def _of_the_model(card: Mapping[str, Any], annotation: Annotation, key: str) -> np.ndarray:
    if CONFUSION not in card:
        raise KeyError(
            f"uns[{key!r}] holds no confusion matrix: the model was trained by an earlier version. "
            f"Train it again and annotate; or pass confusion=… ({_OTHER[0].lower()}{_OTHER[1:]}); "
            "or count the labels as they are: correct=False."
        )
    confusion = np.asarray(card[CONFUSION], dtype=np.int64)
    n_labels = len(annotation.labels)
    if confusion.shape != (n_labels, n_labels):
        raise LabelError(
            f"The confusion matrix of uns[{key!r}] is {confusion.shape}, and the annotation has "
            f"{n_labels} labels. Annotate again."
        )
    if not confusion.any():
        raise ValueError(
            "The model was trained without held-out cells (validation_size=0), so its errors are "
            f"unknown. {_OTHER}, or train it with validation_size above 0."
        )
    return confusion


def _from_table(table: pd.DataFrame, labels: tuple[str, ...]) -> np.ndarray:
    """Bring a data frame into the order of the labels."""
    values = table.to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and (values % 1 == 0).all()):
        raise ValueError(
            "confusion: numbers of cells are needed, as the intervals depend on how many there "
            "are; not shares. cc.metrics.confusion_df(truth, predicted) counts them."
        )
    rows, columns = table.index.astype(str), table.columns.astype(str)
    for name in [*rows, *columns]:
        if name not in labels and name != UNASSIGNED:
            raise LabelError(
                f"confusion: {name!r} is no label of the annotation. Labels: {near(name, labels)}."
            )
    found = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if UNASSIGNED not in (row, column):
                found[labels.index(row), labels.index(column)] += int(values[i, j])
    return found


def part_of_model(
    given: Mapping[str, float] | pd.Series, merging: Merging
) -> tuple[np.ndarray, bool]:
    """Return the reference's cells or shares of each label, and whether they are cells."""
    series = pd.Series(dict(given), dtype=np.float64)
    values = series.to_numpy()
    if not (len(values) and np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        raise ValueError(
            "reference: cells or shares of cells by label are needed, from 0 on and not all 0, "
            "such as reference.obs['cell_type'].value_counts()."
        )
    found = np.zeros(len(merging.labels))
    for label, value in series.items():
        place = merging.place(str(label))
        if place < 0:
            if value == 0:
                continue
            raise LabelError(
                f"reference: {str(label)!r} is no label of the annotation. Labels: "
                f"{near(str(label), merging.labels)}."
            )
        found[place] += value
    is_cells = bool((values % 1 == 0).all() and values.sum() > 1)
    if not is_cells and abs(found.sum() - 1) > 0.01:
        raise ValueError(
            f"reference: values sum to {found.sum():g}; shares sum to 1, and numbers of cells are "
            "whole."
        )
    return found, is_cells
