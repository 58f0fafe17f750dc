"""Data frame of a model beside its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cellclass._keys import ANNOTATE, BASELINE, LOGISTIC_REGRESSION, MODEL_CARD

if TYPE_CHECKING:
    from anndata import AnnData


def baseline_df(adata: AnnData, *, key: str = ANNOTATE) -> pd.DataFrame:
    """Return how the model of an annotation did beside a tuned logistic regression.

    Both were judged on the model's validation cells, when it was trained with
    `compare_baseline=True`; `adata.uns[key]["model"]["baseline"]` holds the same and a `summary` in
    words.

    Parameters
    ----------
    adata
        Query that such a model has annotated.
    key
        The `key_added` of `annotate`.

    Returns
    -------
    One row for the class of the model and one for `logistic regression`: `accuracy`,
    `balanced_accuracy`, `macro_f1` (0–1), `log_loss` (nats per cell).

    Raises
    ------
    KeyError
        There is no annotation, or its model was trained without the comparison.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=50)
    >>> model.train(max_epochs=5, enable_progress_bar=False, compare_baseline=True)
    >>> cc.tl.annotate(adata, model)
    >>> cc.get.baseline_df(adata).shape
    (2, 4)
    """
    if key not in adata.uns or MODEL_CARD not in adata.uns[key]:
        raise KeyError(
            f"There is no annotation under key={key!r}. Call "
            f"cc.tl.annotate(adata, model, key_added={key!r}) first."
        )
    card = adata.uns[key][MODEL_CARD]
    if BASELINE not in card:
        raise KeyError(
            "The model of this annotation was not compared with a baseline. Train it with "
            "model.train(compare_baseline=True), then annotate again."
        )
    found = card[BASELINE]
    names = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
    rows = {card["class"]: found["model"], "logistic regression": found[LOGISTIC_REGRESSION]}
    return pd.DataFrame(
        {name: [float(scores[name]) for scores in rows.values()] for name in names},
        index=pd.Index(list(rows), name="classifier"),
    )
