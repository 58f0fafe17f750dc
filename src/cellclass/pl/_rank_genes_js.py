"""Picture of a gene ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from cellclass._keys import (
    JS_DIVERGENCE,
    JS_SELECTED,
    LABEL_WEIGHTS,
    NAMES,
    PARAMS,
    RANK_GENES_JS,
    SCORES,
)
from cellclass.get import rank_genes_js_df
from cellclass.pl._axes import finish, get_axes
from cellclass.pl._count_distributions import draw_grid, grid_rows

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes


def rank_genes_js(
    adata: AnnData,
    *,
    label: str | None = None,
    n_genes: int = 20,
    kind: Literal["ranking", "distributions"] | None = None,
    key: str = RANK_GENES_JS,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show the genes whose counts differ most between labels, and how they differ.

    The ranking has the best gene at the top; genes outside the selection of `n_top_genes` are
    pale. Beside it stand the best three genes of each label against the rest (fewer, where there
    are many labels), with the distribution of their counts in every label. Each bar is all cells of
    a label, coloured by how many counts of the gene they have; the label that the gene marks is
    framed. The more its bar differs from the others in its row, the larger the divergence, which
    stands at the end of the row.

    Parameters
    ----------
    adata
        AnnData that `cc.pp.rank_genes_js` has written to.
    label
        Show the genes of this label against the rest; by default those over all labels.
    n_genes
        How many genes the ranking shows.
    kind
        ``"ranking"`` or ``"distributions"``. By default both, side by side in a new figure; on
        the caller's axes, the ranking.
    key
        The `key_added` of `rank_genes_js`.
    ax
        Axes to draw on; a new figure by default.
    show
        Whether to show the figure; by default a new one is, in an interactive session.

    Returns
    -------
    The axes of what was asked for. With both, those of the ranking; the distributions are on
    ``ax.figure.axes[1]``.

    Raises
    ------
    KeyError
        There is no ranking under `key`, or no such label in it.
    ValueError
        `n_genes` is less than 1, there is no such `kind`, or no gene that was ranked is left.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts", weights="frequency")
    >>> ax = cc.pl.rank_genes_js(adata, n_genes=10, show=False)
    >>> ax.get_xlabel()
    'Jensen–Shannon divergence (nats)'
    """
    if kind not in (None, "ranking", "distributions"):
        raise ValueError(f'kind={kind!r} is neither "ranking" nor "distributions".')
    genes = rank_genes_js_df(adata, label=label, n_genes=n_genes, key=key)
    labels = [str(name) for name in adata.uns[key][LABEL_WEIGHTS].index]
    rows = grid_rows(adata, labels if label is None else [label], key)
    if genes.empty or (kind == "distributions" and not rows):
        raise ValueError(
            f"adata has {adata.n_vars} genes, and none of those that there is something to draw "
            f"of under key={key!r}. Call cc.pp.rank_genes_js again, on these genes."
        )
    kind = kind if rows else "ranking"
    grid_size = (2.6 + 0.5 * len(labels), 2.6 + 0.22 * len(rows))
    of_grid = "Counts of the best genes of " + ("each label" if label is None else "the label")
    is_new = ax is None
    if kind == "distributions":
        axes = get_axes(ax, grid_size)
        draw_grid(adata, rows, key, axes)
        _set_title(adata, axes, label, key, of_grid)
        return finish(axes, show=show, is_new=is_new)
    if kind is None and is_new:
        axes, right = _two_axes(grid_size, len(genes))
        draw_grid(adata, rows, key, right)
        right.set_title(f"{of_grid}\na bar is all cells of a label", fontsize="medium")
    else:
        axes = get_axes(ax, (5.0, 1.2 + 0.22 * len(genes)))
    if label is None:
        selected = genes[JS_SELECTED].to_numpy(dtype=bool)
        _draw_ranking(axes, genes[JS_DIVERGENCE].to_numpy(), list(genes[NAMES]), selected)
        axes.set_xlabel("Jensen–Shannon divergence (nats)")
        _set_title(adata, axes, label, key, "Genes that differ between labels")
    else:
        every = np.ones(len(genes), dtype=bool)
        _draw_ranking(axes, genes[SCORES].to_numpy(), list(genes[NAMES]), every)
        axes.set_xlabel("signed Jensen–Shannon divergence (nats)")
        _set_title(adata, axes, label, key, "Genes that differ from the rest")
    return finish(axes, show=show, is_new=is_new)


def _two_axes(grid_size: tuple[float, float], n_genes: int) -> list[Axes]:
    import matplotlib.pyplot as plt  # loads with the first picture

    height = max(grid_size[1], 1.2 + 0.22 * n_genes)
    figure = plt.figure(figsize=(4.0 + grid_size[0], height), layout="constrained")
    return list(figure.subplots(1, 2, width_ratios=(4.0, grid_size[0])))


def _draw_ranking(axes: Axes, scores: np.ndarray, names: list[str], selected: np.ndarray) -> None:
    position = np.arange(len(names))
    for shown, color, text in ((selected, "C0", "selected"), (~selected, "0.7", "not selected")):
        if shown.any():
            axes.hlines(position[shown], 0, scores[shown], color=color, linewidth=1.5)
            axes.scatter(scores[shown], position[shown], s=28, color=color, label=text)
    if selected.any() and not selected.all():
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.09), ncols=2, frameon=False)
    axes.set_yticks(position, names, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    if (scores >= 0).all():
        axes.set_xlim(left=0)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _set_title(adata: AnnData, axes: Axes, label: str | None, key: str, what: str) -> None:
    labels, params = adata.uns[key][LABEL_WEIGHTS], adata.uns[key][PARAMS]
    if label is None:
        cells = f"{len(labels)} labels, {labels['n_cells'].sum():,} cells"
        second = f"{cells}, {params['weights']} weights"
    else:
        n_cells = dict(zip(labels.index.astype(str), labels["n_cells"], strict=True))
        second = f"{label}: {n_cells[label]:,} of {labels['n_cells'].sum():,} cells"
    axes.set_title(f"{what} ({params['groupby']})\n{second}", fontsize="medium", parse_math=False)
