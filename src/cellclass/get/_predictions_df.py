"""Data frame of an annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import annotated_probability, check_annotated
from cellclass._keys import ANNOTATE, confidence_key, novelty_key

if TYPE_CHECKING:
    from anndata import AnnData


def predictions_df(
    adata: AnnData, *, key: str = ANNOTATE, probability: bool = False
) -> pd.DataFrame:
    """Return what `cc.tl.annotate` wrote, one row per cell.

    Parameters
    ----------
    adata
        Annotated query.
    key
        The `key_added` of `annotate`.
    probability
        Whether to add a column per label with its probability.

    Returns
    -------
    DataFrame `(n_obs, 3)` with `label`, `confidence` (0–1) and `novelty_pvalue` (0–1); with
    `probability`, `n_labels` more columns named by label.

    Raises
    ------
    KeyError
        There is no annotation under `key`, or a part of it is missing.
    LabelError
        A cell has no label, not even ``"unassigned"``.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> list(cc.get.predictions_df(adata))
    ['label', 'confidence', 'novelty_pvalue']
    """
    check_annotated(adata, key)
    if novelty_key(key) not in adata.obs.columns:
        raise KeyError(
            f"obs[{novelty_key(key)!r}] is missing. Call "
            f"cc.tl.annotate(adata, model, key_added={key!r}) again."
        )
    frame = pd.DataFrame(
        {
            "label": adata.obs[key],
            "confidence": adata.obs[confidence_key(key)],
            "novelty_pvalue": adata.obs[novelty_key(key)],
        }
    )
    if not probability:
        return frame
    labels, table = annotated_probability(adata, key)
    every = pd.DataFrame(np.asarray(table), index=frame.index, columns=list(labels))
    return pd.concat([frame, every], axis=1)
