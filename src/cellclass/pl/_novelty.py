"""Picture of how unlike the training cells the cells of a query are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import check_obs_key
from cellclass._keys import ANNOTATE
from cellclass.get import predictions_df
from cellclass.metrics._is_novel import NOVEL, is_novel
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

# The first bin is where one cell in twenty lies by chance.
_EDGES = np.linspace(0, 1, round(1 / NOVEL) + 1)
_COLOR, _NOVEL_COLOR = "#8fa9cf", "#c44e52"


def novelty(
    adata: AnnData,
    *,
    key: str = ANNOTATE,
    groupby: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show how the novelty p-values of the cells are distributed.

    Cells like the training cells have p-values of any size equally often: a flat picture. Novel
    ones pile up at the left end.

    Parameters
    ----------
    adata
        Query that `cc.tl.annotate` has labelled.
    key
        The `key_added` of `annotate`.
    groupby
        Column of `obs`, such as `key` itself, a donor or a cluster, for one row each of its
        values; `None` for all cells together.
    ax
        Axes to draw into; `None` for a figure of its own.
    show
        Whether to show the figure; `None` for: in an interactive session.

    Returns
    -------
    The axes; p-values across. Upwards the share of cells (0–1) in bins of 0.05; or with `groupby`
    a row for each group, the darker the more of its cells are in a bin, with the share of its
    cells that have a p-value up to 0.05.

    Raises
    ------
    KeyError
        `annotate` has not been called for `key`, or `groupby` does not exist.
    ValueError
        There are no p-values, as the model had no validation cells.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    >>> model = cc.model.CellClassifierMLP(adata, validation_size=0.2)
    >>> model.train(max_epochs=1, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> ax = cc.pl.novelty(adata, groupby="cellclass", show=False)
    >>> ax.get_xlabel()
    'novelty p-value'
    """
    pvalue = predictions_df(adata, key=key)["novelty_pvalue"]
    if groupby is not None:
        check_obs_key(adata, groupby, "groupby")
    known = pvalue.notna()
    if not known.any():
        raise ValueError(
            f"key={key!r} has no novelty p-values: its model was trained without validation cells. "
            "Train one with validation_size above 0."
        )
    is_new = ax is None
    if groupby is None:
        ax = get_axes(ax, (5.0, 3.4))
        _draw_all(pvalue[known], ax)
    else:
        groups = adata.obs[groupby][known].astype("category").cat.remove_unused_categories()
        ax = get_axes(ax, (6.2, 1.5 + 0.32 * len(groups.cat.categories)))
        _draw_groups(pvalue[known], groups, ax)
    ax.set_xlim(0, 1)
    ax.set_xlabel("novelty p-value")
    share = float(is_novel(pvalue[known]).mean())
    ax.set_title(
        f"{share:.1%} of {int(known.sum()):,} cells have a p-value up to {NOVEL:g} "
        f"({NOVEL:.0%} by chance)",
        fontsize="medium",
        pad=6 if groupby is None else 20,  # a heading stands beside the rows
    )
    return finish(ax, show=show, is_new=is_new)


def _draw_all(pvalue: pd.Series, ax: Axes) -> None:
    weights = np.full(len(pvalue), 1 / len(pvalue))
    ax.hist(pvalue, _EDGES.tolist(), weights=weights, color=_COLOR, rwidth=0.94)
    ax.patches[0].set_color(_NOVEL_COLOR)
    ax.axhline(NOVEL, color="0.3", linestyle="--", linewidth=1, label="cells like the reference")
    ax.set_ylim(top=1.18 * ax.get_ylim()[1])  # room for the legend
    ax.set_ylabel("share of cells")
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    ax.spines[["top", "right"]].set_visible(False)


def _draw_groups(pvalue: pd.Series, groups: pd.Series, ax: Axes) -> None:
    names = groups.cat.categories
    codes, n_cells = groups.cat.codes.to_numpy(), groups.value_counts(sort=False)
    rows = np.arange(len(names) + 1) - 0.5
    weights = 1 / n_cells.to_numpy()[codes]
    # At 0.25 a bin holds five times what it does by chance: dark enough.
    *_, image = ax.hist2d(
        pvalue, codes, bins=[_EDGES, rows], weights=weights, cmap="Blues", vmin=0, vmax=0.25
    )
    ax.set_ylim(len(names) - 0.5, -0.5)
    for edge in rows[1:-1]:
        ax.axhline(edge, color="white", linewidth=2)
    labels = [f"{name} ({n_cells[name]:,})" for name in names]
    ax.set_yticks(range(len(names)), labels, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    across = ax.get_yaxis_transform()  # x in shares of the axes, y in rows
    ax.text(1.02, -0.6, f"≤ {NOVEL:g}", transform=across, color="0.3", va="bottom")
    for row, share in enumerate(is_novel(pvalue).groupby(codes).mean()):
        color = _NOVEL_COLOR if share > 2 * NOVEL else "0.3"
        ax.text(1.02, row, f"{share:.0%}", transform=across, va="center", color=color)
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.04, pad=0.12, extend="max")
    bar.set_label("share of the row's cells")
