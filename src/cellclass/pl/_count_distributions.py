"""Draw how the counts of genes are distributed in each label, as a grid of stacked bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass.get import rank_genes_js_df

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_MOST_ROWS = 45
_BOX = (0.9, 0.74)  # width and height of a bar, of 1


def grid_rows(adata: AnnData, labels: list[str], key: str) -> list[tuple[str, str, float]]:
    """Return label, gene and score of each row: the best genes of each of the labels."""
    rows = []
    for label in labels:
        kept = rank_genes_js_df(adata, label=label, table="distributions", key=key)
        scores = rank_genes_js_df(adata, label=label, key=key).set_index("names")["scores"]
        names = list(dict.fromkeys(kept["names"]))[: max(1, _MOST_ROWS // len(labels))]
        rows += [(label, name, float(scores[name])) for name in names]
    return rows


def draw_grid(adata: AnnData, rows: list[tuple[str, str, float]], key: str, axes: Axes) -> None:
    """Draw a bar for each row and each label: its length is all cells, its colours their counts."""
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch, Rectangle

    frame = rank_genes_js_df(adata, table="distributions", key=key)
    columns = list(dict.fromkeys(frame["label"]))
    lowest = np.sort(frame["lowest_count"].unique())
    shares = _shares(frame, rows, columns, lowest)
    ranges = np.flatnonzero(shares.any(axis=(0, 1)))
    lowest, shares = lowest[: ranges.max() + 1], shares[:, :, : ranges.max() + 1]
    palette = colormaps["viridis_r"](np.linspace(0.05, 1, max(len(lowest) - 1, 1)))
    colors = np.vstack([[0.92, 0.92, 0.92, 1.0], palette])[: len(lowest)]

    width, height = _BOX
    ends = np.concatenate([np.zeros((*shares.shape[:2], 1)), np.cumsum(shares, axis=2)], axis=2)
    row, column, part = np.nonzero(shares)
    left = column - width / 2 + width * ends[row, column, part]
    right = column - width / 2 + width * ends[row, column, part + 1]
    low, high = row - height / 2, row + height / 2
    corners = np.stack(
        [
            np.stack([left, left, right, right], axis=1),
            np.stack([low, high, high, low], axis=1),
        ],
        axis=2,
    )
    axes.add_collection(PolyCollection(list(corners), facecolors=colors[part], linewidths=0))
    for place, (label, _, _) in enumerate(rows):
        corner = (columns.index(label) - width / 2 - 0.03, place - height / 2 - 0.05)
        axes.add_patch(Rectangle(corner, width + 0.06, height + 0.1, fill=False, edgecolor="black"))
        if place and rows[place - 1][0] != label:
            axes.axhline(place - 0.5, color="0.8", linewidth=0.6)

    axes.set_xlim(-0.55, len(columns) - 0.45)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [name for _, name, _ in rows], parse_math=False)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="left", rotation_mode="anchor")
    for text in axes.get_xticklabels():
        text.set_parse_math(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    notes = {-1: "nats", **{place: f"{score:.2f}" for place, (_, _, score) in enumerate(rows)}}
    across = axes.get_yaxis_transform()  # x in shares of the axes, y in rows
    for place, note in notes.items():
        axes.text(1.01, place, note, transform=across, va="center", fontsize="small")
    handles = [
        Patch(color=color, label=text)
        for color, text in zip(colors, _range_names(lowest), strict=True)
    ]
    n_columns = -(-len(handles) // 2)  # two rows, which the legend fills column by column
    axes.legend(
        handles=[
            handles[i]
            for first in range(n_columns)
            for i in (first, first + n_columns)
            if i < len(handles)
        ],
        title="counts of the gene in a cell",
        loc="upper left",
        bbox_to_anchor=(0.0, -0.01),
        ncols=n_columns,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        handlelength=1.2,
        columnspacing=1.2,
    )


def _shares(
    frame: pd.DataFrame,
    rows: list[tuple[str, str, float]],
    columns: list[str],
    lowest: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the shares of cells, `(n_rows, n_labels, n_ranges)`."""
    genes = list(dict.fromkeys(frame["names"]))
    every = frame["share"].to_numpy().reshape(len(genes), len(columns), len(lowest))
    return every[[genes.index(name) for _, name, _ in rows]]


def _range_names(lowest: NDArray[np.int64]) -> list[str]:
    """Name each range of counts by its ends; the ranges end where the next one begins."""
    highest = [*(lowest[1:] - 1), 2 * lowest[-1] - 1 if lowest[-1] >= 4 else lowest[-1]]
    return [
        f"{low:,}" if low == high else f"{low:,}–{high:,}"
        for low, high in zip(lowest, highest, strict=True)
    ]
