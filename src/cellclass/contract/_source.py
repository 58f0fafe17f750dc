"""Where in an AnnData the expression stands, and where else it might."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cellclass._checks import matrix_of, x_of
from cellclass.contract._rows import take_rows
from cellclass.contract._scale import identify_scale
from cellclass.errors import ValuesError

if TYPE_CHECKING:
    from anndata import AnnData

# Cells of another matrix that are looked at before it is recommended.
_LOOK = 1024


@dataclass(frozen=True)
class Source:
    """A matrix of an AnnData.

    Attributes
    ----------
    where
        The expression that reaches it, such as `adata.layers['counts']`.
    matrix
        The matrix itself, as stored.
    layer
        The layer that it is; `None` for `X`.
    others
        The other matrices of the AnnData, by how they are passed instead.
    """

    where: str
    matrix: Any
    layer: str | None = None
    others: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def alternatives(self) -> str:
        """Say which of the other matrices hold a scale that can be used, for messages.

        The first cells of each are looked at, which takes a moment: for errors only.
        """
        if not self.others:
            return "this AnnData has no other layer and no .raw"
        found = {where: _usable(matrix) for where, matrix in self.others.items()}
        good = [f"{where} holds {scale}" for where, scale in found.items() if scale]
        if not good:
            return f"nor does this AnnData hold a usable scale in {', '.join(found)}"
        return "in this AnnData, " + ", and ".join(good)


def locate(adata: AnnData, layer: str | None) -> Source:
    """Find `X` or a layer; `"X"` is `X` unless a layer has that name."""
    if layer == "X" and "X" not in adata.layers:
        layer = None
    where = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    matrix = matrix_of(adata, layer)
    others: dict[str, Any] = {}
    X = None if layer is None else x_of(adata)
    if X is not None:
        others["adata.X (layer='X')"] = X
    for name in adata.layers:
        if name not in (None, layer):
            others[f"adata.layers[{name!r}] (layer={name!r})"] = adata.layers[name]
    if adata.raw is not None:
        others["adata.raw (adata.raw.to_adata())"] = adata.raw.X
    return Source(where=where, matrix=matrix, layer=layer, others=others)


def _usable(matrix: Any) -> str:  # noqa: ANN401 - any array kind
    """Name the scale of the first cells of a matrix, if it can be converted."""
    try:
        scale = identify_scale(take_rows(matrix, slice(0, _LOOK)))
    except (TypeError, ValuesError):
        return ""
    return str(scale) if scale.is_convertible else ""
