"""The pictures, each as text that a page can hold."""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from cellclass._report._words import percent, score
from cellclass.metrics._is_novel import NOVEL, is_novel
from cellclass.pl import calibration, novelty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from cellclass._report._facts import Facts
    from cellclass._report._map import CellMap

_DPI = 170
_MAP = (4.4, 3.9)
_STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "cellclass",  # the same picture is the same text
    "figure.facecolor": "white",
    "font.size": 10,
}


class Picture(NamedTuple):
    """A picture for the page."""

    source: str
    """Data URI."""
    width: int
    height: int
    alt: str
    caption: str


@contextmanager
def _our_style() -> Iterator[None]:
    """Draw alike wherever the report is made: the caller's style is for the caller's pictures."""
    with mpl.style.context(["default", _STYLE]):
        yield


def draw_calibration(facts: Facts) -> Picture:
    """Draw accuracy by confidence, for a query with truth."""
    scores = facts.scores
    with _our_style():
        figure = Figure(figsize=(4.6, 4.9), layout="constrained")
        calibration(facts.scored, key=facts.key, ax=figure.subplots(), show=False)  # type: ignore[arg-type]
        figure.axes[0].set_title("")
        return _picture(
            figure,
            alt=f"Share of right labels at each confidence. Calibration error "
            f"{score(scores['expected_calibration_error'])}, mean confidence "
            f"{percent(scores['mean_confidence'])}, right {percent(scores['accuracy_given'])}.",
            caption="Each point is a bin of confidence. On the dashed line, as many labels are "
            "right as the confidence says; below it the model is too sure.",
        )


def draw_novelty(facts: Facts) -> Picture | None:
    """Draw how unlike the reference the cells are; `None` where there are no p-values."""
    pvalue = facts.predictions["novelty_pvalue"]
    if pvalue.isna().all():
        return None
    with _our_style():
        figure = Figure(figsize=(4.6, 3.4), layout="constrained")
        novelty(facts.adata, key=facts.key, ax=figure.subplots(), show=False)
        figure.axes[0].set_title("")
        known = pvalue.dropna()
        share = f"{percent(float(is_novel(known).mean()))} of {len(known):,} cells"
        return _picture(
            figure,
            alt=f"Histogram of the novelty p-values; up to {NOVEL:g} are {share}.",
            caption=f"{share} have a p-value up to {NOVEL:g}. Were all cells like those of the "
            "reference, all bars would reach the dashed line.",
        )


def draw_labels(
    cells: CellMap,
    labels: pd.Series,
    colors: Mapping[str, str],
    numbers: Mapping[str, int],
    what: str,
) -> Picture:
    """Draw the map in the colours of the labels, with the number of each label in its middle."""
    with _our_style():
        figure, ax = _empty_map()
        order = np.random.default_rng(0).permutation(len(labels))  # no label covers another
        x, y = cells.xy[order].T
        c = [colors[label] for label in labels.iloc[order]]
        ax.scatter(x, y, s=_size(len(order)), c=c, linewidths=0)
        for label, rows in labels.groupby(labels).indices.items():
            x, y = _middle(cells.xy[rows])
            ax.text(
                x,
                y,
                str(numbers[str(label)]),
                ha="center",
                va="center",
                fontsize=9,
                weight="bold",
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
        n = labels.nunique()
        return _picture(
            figure,
            alt=f"Map of {len(labels):,} cells in the colours of their {what} labels, {n} of them.",
            caption=f"{what.capitalize()} label. The numbers are those of the list below.",
            raster=True,
        )


def draw_confidence(cells: CellMap, confidence: np.ndarray) -> Picture:
    """Draw the map in the colours of the confidence, the least sure cells on top."""
    with _our_style():
        figure, ax = _empty_map(foot=0.45)
        order = np.argsort(-confidence, kind="stable")
        x, y = cells.xy[order].T
        look: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1, "linewidths": 0}
        points = ax.scatter(x, y, s=_size(len(order)), c=confidence[order], **look)
        foot = figure.add_axes((0.2, 0.07, 0.6, 0.025))
        bar = figure.colorbar(points, cax=foot, orientation="horizontal")
        bar.outline.set_visible(False)  # type: ignore[operator]
        return _picture(
            figure,
            alt=f"The same map in the colours of the confidence, from 0 to 1; median "
            f"{np.median(confidence):.2f}.",
            caption="Confidence (0–1). The least sure cells are on top.",
            raster=True,
        )


def _empty_map(foot: float = 0.0) -> tuple[Figure, Axes]:
    """Return a figure whose map has the same size with and without a foot (inches)."""
    width, height = _MAP
    figure = Figure(figsize=(width, height + foot))
    ax = figure.add_axes((0.0, foot / (height + foot), 1.0, height / (height + foot)))
    ax.set_axis_off()
    return figure, ax


def _size(n: int) -> float:
    return float(np.clip(12_000 / max(n, 1), 1.0, 24.0))


def _middle(xy: np.ndarray) -> np.ndarray:
    """Return the place of the cell that is nearest to the median: one that the label has."""
    gap = ((xy - np.median(xy, axis=0)) ** 2).sum(axis=1)
    return xy[gap.argmin()]


def _picture(figure: Figure, *, alt: str, caption: str, raster: bool = False) -> Picture:
    out = io.BytesIO()
    kind, mime = ("png", "image/png") if raster else ("svg", "image/svg+xml")
    metadata = {"Software": None} if raster else {"Date": None}
    figure.savefig(out, format=kind, dpi=_DPI if raster else "figure", metadata=metadata)
    text = base64.b64encode(out.getvalue()).decode("ascii")
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Picture(f"data:{mime};base64,{text}", width, height, alt, caption)
