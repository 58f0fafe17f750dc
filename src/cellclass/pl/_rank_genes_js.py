"""Picture of a gene ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass._keys import JS_DIVERGENCE, JS_SELECTED, LABEL_WEIGHTS, PARAMS, RANK_GENES_JS
from cellclass.get import rank_genes_js_df
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes


def rank_genes_js(
    adata: AnnData,
    *,
    n_genes: int = 20,
    key: str = RANK_GENES_JS,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show the genes whose counts differ most between labels, the best at the top.

    Genes outside the selection of `n_top_genes` are pale.

    Parameters
    ----------
    adata
        AnnData that `cc.pp.rank_genes_js` has written to.
    n_genes
        How many genes to show.
    key
        The `key_added` of `rank_genes_js`.
    ax
        Axes to draw on; a new figure by default.
    show
        Whether to show the figure; by default a new one is, in an interactive session.

    Returns
    -------
    The axes: divergence in nats along x, gene names along y.

    Raises
    ------
    KeyError
        There is no ranking under `key`.
    ValueError
        `n_genes` is less than 1.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts")
    >>> ax = cc.pl.rank_genes_js(adata, n_genes=10, show=False)
    >>> ax.get_xlabel()
    'Jensen–Shannon divergence (nats)'
    """
    genes = rank_genes_js_df(adata, n_genes=n_genes, key=key)
    labels = adata.uns[key][LABEL_WEIGHTS]
    params = adata.uns[key][PARAMS]
    axes = get_axes(ax, (5.0, 1.2 + 0.22 * len(genes)))

    position = np.arange(len(genes))
    divergence = genes[JS_DIVERGENCE].to_numpy()
    selected = genes[JS_SELECTED].to_numpy(dtype=bool)
    for shown, color, name in ((selected, "C0", "selected"), (~selected, "0.7", "not selected")):
        if shown.any():
            axes.hlines(position[shown], 0, divergence[shown], color=color, linewidth=1.5)
            axes.scatter(divergence[shown], position[shown], s=28, color=color, label=name)
    if selected.any() and not selected.all():
        axes.legend(loc="lower right", frameon=False)
    axes.set_yticks(position, genes["names"], parse_math=False)
    axes.set_ylim(len(genes) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("Jensen–Shannon divergence (nats)")
    axes.set_title(
        f"Genes that differ between labels of {params['groupby']}\n"
        f"{len(labels)} labels, {labels['n_cells'].sum():,} cells, {params['weights']} weights",
        fontsize="medium",
        parse_math=False,
    )
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    return finish(axes, show=show, is_new=ax is None)
