"""Data frame of gene attributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_whole, near
from cellclass._keys import ATTRIBUTIONS, LABELS, NAMES, SCORES

if TYPE_CHECKING:
    from anndata import AnnData


def gene_attributions_df(
    adata: AnnData,
    *,
    label: str | None = None,
    n_genes: int | None = None,
    key: str = ATTRIBUTIONS,
) -> pd.DataFrame:
    """Return what `cc.tl.attribute_genes` found, best genes first.

    Parameters
    ----------
    adata
        AnnData that `cc.tl.attribute_genes` has written to.
    label
        The label whose genes to return; all of them by default, one below the other.
    n_genes
        How many genes of each label; all that the model reads by default.
    key
        The `key_added` of `attribute_genes`.

    Returns
    -------
    DataFrame with `label`, `names` and `scores` (mean attribution, nats).

    Raises
    ------
    KeyError
        There are no attributions under `key`, or no such label in them.
    ValueError
        `n_genes` is less than 1.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.attribute_genes(adata, model, groupby="cell_type")
    >>> cc.get.gene_attributions_df(adata, label="CD19+ B", n_genes=3).columns.tolist()
    ['label', 'names', 'scores']
    """
    if n_genes is not None:
        check_whole(n_genes, "n_genes", 1)
    entry = adata.uns.get(key)
    if not isinstance(entry, dict) or not {LABELS, NAMES, SCORES} <= set(entry):
        raise KeyError(
            f"There are no attributions under key={key!r}. Call "
            f"cc.tl.attribute_genes(adata, model, key_added={key!r}) first."
        )
    labels = [str(name) for name in entry[LABELS]]
    if label is not None and label not in labels:
        raise KeyError(
            f"label={label!r} has no attributions under key={key!r}. Labels: "
            f"{near(str(label), labels)}."
        )
    frames = []
    for name in labels if label is None else [label]:
        genes, scores = np.asarray(entry[NAMES][name])[:n_genes], entry[SCORES][name][:n_genes]
        frames.append(pd.DataFrame({"label": name, NAMES: genes.astype(str), SCORES: scores}))
    return pd.concat(frames, ignore_index=True)
