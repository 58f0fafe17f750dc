"""Data frames of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from cellclass._checks import entry_of
from cellclass._keys import (
    ANNOTATE,
    CONFUSION,
    CONFUSION_PREDICTED,
    CONFUSION_TRUTH,
    RELIABILITY,
    REPORT,
    SCORES,
    evaluation_key,
)

if TYPE_CHECKING:
    from anndata import AnnData

_ORDER = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "expected_calibration_error",
    "mean_confidence",
    "n_obs",
    "n_unassigned",
)
# What each table is made of.
_PARTS = {
    "labels": (REPORT,),
    "confusion": (CONFUSION, CONFUSION_TRUTH, CONFUSION_PREDICTED),
    "scores": (SCORES,),
    "reliability": (RELIABILITY,),
}


def evaluation_df(
    adata: AnnData,
    *,
    key: str = ANNOTATE,
    table: Literal["labels", "confusion", "scores", "reliability"] = "labels",
) -> pd.DataFrame:
    """Return what `cc.tl.evaluate` wrote as a data frame.

    Parameters
    ----------
    adata
        Evaluated query.
    key
        The `key` of `evaluate`.
    table
        `labels`: `precision`, `recall`, `f1` (0–1), `support` (cells) per true label.
        `confusion`: cells by true label (rows) and predicted label (columns). `scores`: one row
        with the scores over all cells. `reliability`: confidence and accuracy in bins.

    Returns
    -------
    The table.

    Raises
    ------
    KeyError
        `evaluate` has not been called for `key`.
    ValueError
        There is no such table.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> cc.tl.evaluate(adata, "cell_type")
    >>> cc.get.evaluation_df(adata, table="scores")["n_obs"].item()
    700.0
    """
    if table not in _PARTS:
        raise ValueError(
            f"table={table!r}; the tables are 'labels', 'confusion', 'scores' and 'reliability'."
        )
    found = entry_of(
        adata,
        evaluation_key(key),
        _PARTS[table],
        what="no evaluation",
        call=f"cc.tl.evaluate(adata, labels_key, key={key!r})",
    )
    if table == "labels":
        return found[REPORT].copy()
    if table == "reliability":
        return found[RELIABILITY].copy()
    if table == "scores":
        names = [name for name in _ORDER if name in found[SCORES]]  # a file sorts them by name
        return pd.DataFrame({name: [float(found[SCORES][name])] for name in names})
    return pd.DataFrame(
        found[CONFUSION],
        index=pd.Index(found[CONFUSION_TRUTH], name="truth"),
        columns=pd.Index(found[CONFUSION_PREDICTED], name="predicted"),
        copy=True,
    )
