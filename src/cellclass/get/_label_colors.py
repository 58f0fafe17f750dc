"""Colours of the labels of an annotation, as scanpy keeps those of a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cellclass._keys import LABEL_COLORS, LABELS, UNASSIGNED, colors_key

if TYPE_CHECKING:
    from anndata import AnnData

UNASSIGNED_COLOR = "#d3d3d3"


def label_colors(adata: AnnData, key: str) -> dict[str, str]:
    """Return the colour of each label that has one.

    First those that stand in `uns[f"{key}_colors"]`, which a user may have changed, for the labels
    that occur; then those that the model gave to all of its labels.

    Parameters
    ----------
    adata
        What `annotate` has written into.
    key
        Its `key_added`.
    """
    about = adata.uns.get(key)
    about = about if isinstance(about, Mapping) else {}
    named = zip(about.get(LABELS, ()), about.get(LABEL_COLORS, ()), strict=False)
    found = {UNASSIGNED: UNASSIGNED_COLOR} | {str(name): str(color) for name, color in named}
    if key in adata.obs:
        names = adata.obs[key].astype("category").cat.categories
        shown = adata.uns.get(colors_key(key), ())
        if len(shown) == len(names):
            found |= {str(name): str(color) for name, color in zip(names, shown, strict=True)}
    return found
