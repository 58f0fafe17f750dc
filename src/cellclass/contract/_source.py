"""Where in an AnnData the expression stands, and where else it might."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cellclass._checks import matrix_of

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Source:
    """A matrix of an AnnData.

    Attributes
    ----------
    where
        The expression that reaches it, such as `adata.layers['counts']`.
    matrix
        The matrix itself, as stored.
    alternatives
        What to try instead, for messages.
    """

    where: str
    matrix: Any
    alternatives: str


def locate(adata: AnnData, layer: str | None) -> Source:
    """Find `X` or a layer; `"X"` is `X` unless a layer has that name."""
    if layer == "X" and "X" not in adata.layers:
        layer = None
    where = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    others = [f"layer={name!r}" for name in adata.layers if name not in (None, layer)]
    if layer is not None and adata.X is not None:
        others.insert(0, "adata.X (layer='X')")
    if adata.raw is not None:
        others.append("adata.raw.to_adata()")
    alternatives = (
        f"this AnnData also has {', '.join(others)}"
        if others
        else "this AnnData has no other layer and no .raw"
    )
    return Source(where=where, matrix=matrix_of(adata, layer), alternatives=alternatives)
