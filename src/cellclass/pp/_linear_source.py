"""The matrix that tokens are made of, on a scale that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._checks import check_not_empty
from cellclass._warn import warn
from cellclass.contract import identify_scale, locate, require_convertible

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import Scale, Source


def linear_source(adata: AnnData, layer: str | None, *, needs_sums: bool) -> tuple[Source, Scale]:
    """Find the matrix and its scale; refuse what cannot be undone.

    Parameters
    ----------
    adata
        Cells × genes.
    layer
        Layer with the expression; `None` for `X`.
    needs_sums
        Whether to warn the caller's caller where each cell's own sum is lost.
    """
    check_not_empty(adata)
    source = locate(adata, layer)
    scale = identify_scale(source.matrix, var_names=adata.var_names, where=source.where)
    require_convertible(scale, source)
    if needs_sums and scale.target_sum is None and not has_counts(scale):
        warn(
            f"{source.where} holds {scale}, and cells differ in their sum: genes seem to have been "
            "left out after the normalization. Cells are taken to have the same sum over the genes "
            "at hand. Give counts, or values of all genes, if there are any.",
        )
    return source, scale


def has_counts(scale: Scale) -> bool:
    """Tell whether counts come out once the transformation is undone."""
    return scale.of_counts or scale.name == "counts"
