"""A colour for each label of a model, the same in every query."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What scanpy gives to the first twenty categories of a column.
# fmt: off
_PALETTE = (
    "#1f77b4", "#ff7f0e", "#279e68", "#d62728", "#aa40fc", "#8c564b", "#e377c2", "#b5bd61",
    "#17becf", "#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5", "#c49c94", "#f7b6d2",
    "#dbdb8d", "#9edae5", "#ad494a", "#8c6d31",
)
# fmt: on
# Hues that follow each other by this share of the circle are never near one another.
_TURN = 0.618034


def colors_of_labels(labels: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """Return the colours of labels: those given, or else by the place of the label."""
    return [given.get(label) or _color(place) for place, label in enumerate(labels)]


def _color(place: int) -> str:
    if place < len(_PALETTE):
        return _PALETTE[place]
    shade = (place - len(_PALETTE)) // 7 % 3
    red, green, blue = colorsys.hls_to_rgb(place * _TURN % 1, (0.4, 0.6, 0.75)[shade], 0.6)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
