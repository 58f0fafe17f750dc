"""Write which genes a model's labels come from into an AnnData."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._checks import check_anndata, check_obs_key
from cellclass._keys import (
    ANNOTATE,
    ATTRIBUTIONS,
    LABELS,
    LOGFOLDCHANGES,
    MODEL_CARD,
    NAMES,
    PARAMS,
    PVALS,
    PVALS_ADJ,
    SCORES,
    probability_columns,
)
from cellclass._own import check_writable, own

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import GeneAliases
    from cellclass.model import CellClassifierCNN, CellClassifierMLP


def attribute_genes(
    adata: AnnData,
    model: CellClassifierMLP | CellClassifierCNN,
    *,
    groupby: str = ANNOTATE,
    layer: str | None = None,
    gene_aliases: GeneAliases | None = None,
    n_cells_per_label: int | None = 100,
    n_steps: int = 32,
    rng: int = 0,
    key_added: str = ATTRIBUTIONS,
    copy: bool = False,
) -> AnnData | None:
    """Say which genes the model labels these cells by, for each label.

    The mean over the cells of a label of the integrated gradients of that label's score, from the
    mean training cell to the cell, in nats, as `get_gene_attributions` of the models explains.
    Positive: the gene speaks for the label in these cells, by being high in them or by being low.
    The genes of each label are ranked in
    the layout of `scanpy.tl.rank_genes_groups`, so that `sc.pl.rank_genes_groups` and its kin
    draw them. There are no p-values: an attribution says what the model uses, not what differs.

    Parameters
    ----------
    adata
        Cells on any scale that can be undone, dense or sparse, genes in any order.
    model
        Trained model.
    groupby
        Column of `obs` with the label of each cell: the annotation, or known labels. Cells whose
        label the model does not have are left out.
    layer, gene_aliases
        As in `cc.tl.annotate`.
    n_cells_per_label
        At most so many cells of each label, drawn at random; `None` for all.
    n_steps
        Places on the line from the mean training cell where the gradient is taken.
    rng
        Seed of the cells that are drawn.
    key_added
        Key of what is written.
    copy
        Whether to write to a copy and return that.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets the following fields:

    `adata.varm[key_added]` : DataFrame `(n_vars, n_labels)` of float32
        Mean attribution (nats) of each gene for each label that has cells; 0 for a gene that the
        model does not read. Columns are the labels, with `|` in place of `/`, which AnnData files
        do not allow.
    `adata.uns[key_added]` : dict
        `names`, `scores` (the attributions, best first), `logfoldchanges`, `pvals` and
        `pvals_adj` (NaN, as there are none): record arrays with a field for each label that has
        cells, of the genes that the model reads; `params`; `labels`; `model`, the model card.

    Raises
    ------
    KeyError
        There is no column `groupby`.
    LabelError
        No cell has a label of the model.
    ValueError
        `n_cells_per_label` or `n_steps` is no whole number from 1 on.
    NotTrainedError, ScaleError, ValuesError, GeneError
        As `cc.tl.annotate`; nothing is written.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.attribute_genes(adata, model, groupby="cell_type")
    >>> adata.varm["attributions"].shape
    (765, 10)
    """
    check_anndata(adata)
    if groupby not in adata.obs.columns and groupby == ANNOTATE:
        raise KeyError(
            f"There is no annotation obs[{ANNOTATE!r}]. Call cc.tl.annotate(adata, model) first, "
            "or name the column with the labels: groupby=…"
        )
    check_obs_key(adata, groupby, "groupby")
    check_writable(adata, copy=copy)
    if not hasattr(model, "get_gene_attributions"):
        raise TypeError(
            f"model is a {type(model).__name__}; a trained model is needed, such as "
            "cc.model.CellClassifierMLP.load(path)."
        )
    found = model.get_gene_attributions(
        adata,
        labels_key=groupby,
        layer=layer,
        gene_aliases=gene_aliases,
        n_cells_per_label=n_cells_per_label,
        n_steps=n_steps,
        seed=rng,
    )
    found = found.dropna(axis=1, how="all")
    position = model.contract.bind(adata, layer=layer, gene_aliases=gene_aliases).match.position
    values = np.zeros((adata.n_vars, found.shape[1]), dtype=np.float32)
    values[position >= 0] = found.to_numpy()[position[position >= 0]]
    labels = tuple(found.columns)
    params = {
        "groupby": groupby,
        "reference": "rest",
        "method": "integrated gradients",
        "use_raw": False,
        "layer": layer or "",
        "n_cells_per_label": n_cells_per_label or 0,
        "n_steps": n_steps,
    }
    adata = own(adata, copy=copy)
    adata.varm[key_added] = pd.DataFrame(
        values, index=adata.var_names, columns=probability_columns(labels)
    )
    adata.uns[key_added] = {
        PARAMS: params,
        LABELS: np.asarray(labels, dtype=object),
        MODEL_CARD: model.card | {LABELS: np.asarray(model.labels, dtype=object)},
        **_ranked(adata.var_names[position >= 0], values[position >= 0], labels),
    }
    return adata if copy else None


def _ranked(genes: pd.Index, values: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """Rank the genes of each label, and lay them out as `scanpy.tl.rank_genes_groups` does."""
    order = np.argsort(-values, axis=0, kind="stable")
    none = np.full(order.shape, np.nan)
    columns: dict[str, tuple[np.ndarray, type]] = {
        NAMES: (genes.to_numpy(dtype=object)[order], object),
        SCORES: (np.take_along_axis(values, order, axis=0), np.float32),
        LOGFOLDCHANGES: (none, np.float32),
        PVALS: (none, np.float64),
        PVALS_ADJ: (none, np.float64),
    }
    layout: dict[str, Any] = {}
    for name, (table, dtype) in columns.items():
        records = np.recarray(len(genes), dtype=[(label, dtype) for label in labels])
        for place, label in enumerate(labels):
            records[label] = table[:, place]
        layout[name] = records
    return layout
