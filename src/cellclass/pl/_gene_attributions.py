"""Picture of the genes that a model labels cells by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._keys import ATTRIBUTIONS, NAMES, PARAMS, SCORES
from cellclass.get import gene_attributions_df
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

_FEW = 3


def gene_attributions(
    adata: AnnData,
    *,
    label: str | None = None,
    n_genes: int | None = None,
    key: str = ATTRIBUTIONS,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show the genes that the model labels cells by.

    Without `label`, the best genes of each label in rows and all labels in columns: red where a
    gene speaks for the label in that label's cells, blue where it speaks against it. With `label`,
    the best genes of that label as bars.

    Parameters
    ----------
    adata
        AnnData that `cc.tl.attribute_genes` has written to.
    label
        The label to show; all of them by default.
    n_genes
        How many genes of each label: 3 of each by default, or 20 of one.
    key
        The `key_added` of `attribute_genes`.
    ax
        Axes to draw on; a new figure by default.
    show
        Whether to show the figure; by default a new one is, in an interactive session.

    Returns
    -------
    The axes.

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
    >>> ax = cc.pl.gene_attributions(adata, label="CD19+ B", show=False)
    >>> ax.get_xlabel()
    'mean attribution (nats)'
    """
    is_new = ax is None
    if label is None:
        best = gene_attributions_df(adata, n_genes=n_genes or _FEW, key=key)
        every = gene_attributions_df(adata, key=key)
        table = every.pivot_table(SCORES, NAMES, "label", aggfunc="first")
        table = table.loc[pd.unique(best[NAMES]), pd.unique(best["label"])]
        ax = get_axes(ax, (2.6 + 0.4 * table.shape[1], 1.9 + 0.2 * table.shape[0]))
        _draw_table(ax, table)
        ax.set_title(
            f"Genes that the labels come from ({adata.uns[key][PARAMS]['groupby']})",
            fontsize="medium",
            parse_math=False,
        )
    else:
        genes = gene_attributions_df(adata, label=label, n_genes=n_genes or 20, key=key)
        ax = get_axes(ax, (5.0, 1.2 + 0.22 * len(genes)))
        _draw_bars(ax, genes)
        ax.set_title(f"Genes that speak for {label}", fontsize="medium", parse_math=False)
    return finish(ax, show=show, is_new=is_new)


def _draw_table(ax: Axes, table: pd.DataFrame) -> None:
    limit = float(np.abs(table.to_numpy()).max()) or 1.0
    image = ax.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_xticks(
        range(table.shape[1]),
        table.columns,
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        parse_math=False,
    )
    ax.set_yticks(range(table.shape[0]), table.index, fontsize="small", parse_math=False)
    ax.figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02).set_label("mean attribution (nats)")


def _draw_bars(ax: Axes, genes: pd.DataFrame) -> None:
    position = np.arange(len(genes))
    color = np.where(genes[SCORES] >= 0, "C3", "C0")
    ax.barh(position, genes[SCORES], color=color, height=0.7)
    ax.axvline(0, color="0.5", linewidth=0.8)
    ax.set_yticks(position, genes[NAMES], parse_math=False)
    ax.set_ylim(len(genes) - 0.4, -0.6)
    ax.set_xlabel("mean attribution (nats)")
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
