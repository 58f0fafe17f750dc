"""Expression of an AnnData brought to a scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

from cellclass._checks import check_name, check_not_empty
from cellclass._keys import LOG1P
from cellclass._own import copied_matrix, own
from cellclass._warn import warn
from cellclass.contract import Target, convert, identify_scale, locate, require_convertible
from cellclass.errors import ScaleError

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import Scale, Source


def normalize_scale(
    adata: AnnData,
    *,
    layer: str | None = None,
    target: Literal["log1p", "normalized", "counts"] = "log1p",
    target_sum: float | None = 1e4,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Bring expression to a scale, from whichever scale it is found on.

    The scale is identified first, see :func:`identify_scale`. Logarithms, also doubled ones, square
    roots and constants are undone, which gives y: counts, or counts times a factor per cell. Then

    .. math:: x = \ln(1 + t\,y / \textstyle\sum y)

    for `target="log1p"` with the target sum t, or the same without the logarithm for
    `"normalized"`. The sum is over the genes at hand: normalise before genes are left out.

    Parameters
    ----------
    adata
        Cells × genes, in memory: dense, any scipy sparse kind, or Dask arrays, which stay lazy.
    layer
        Layer with the expression; `None` for `X`.
    target
        `"log1p"`: natural logarithm of one plus normalised counts; `"normalized"`: counts scaled
        to `target_sum` per cell; `"counts"`: whole counts.
    target_sum
        Counts per cell after normalisation; `None` leaves each cell's factor as it is found (for
        instance to change the base of a logarithm only). Not used for counts.
    key_added
        Layer to write to; `None` replaces what was read.
    copy
        Whether to change and return a copy.

    Returns
    -------
    `None`, or with `copy` a changed copy. Sets the following fields:

    `adata.X`, `adata.layers[layer]` or `adata.layers[key_added]` : array of the kind that was read
        Expression `(n_obs, n_vars)` on the target scale, float64 where it was, else float32. A
        matrix that is on it already stays as it is.
    `adata.uns["log1p"]` : dict
        Where `X` is replaced: `{"base": None}`, by which scanpy knows natural logarithms, for
        `target="log1p"`; removed for the others.

    Raises
    ------
    ScaleError
        The scale cannot be undone (z-scored, mixed, unrecognised), or the counts cannot be told
        from normalised values. `adata` is as it was.
    ValuesError
        A value is NaN or infinite.
    ValueError
        An argument is none that is allowed, or the AnnData is backed.

    Warns
    -----
    UserWarning
        Normalised cells differ in their sum, so that genes seem to have been left out, and are
        scaled to one sum over the genes at hand.

    See Also
    --------
    identify_scale : Only identify it.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.normalize_scale(
    ...     adata, layer="counts", target="normalized", target_sum=1e6, key_added="cpm"
    ... )
    >>> print(cc.pp.identify_scale(adata, layer="cpm"))
    normalized to 1,000,000 per cell
    """
    _check_arguments(adata, target, target_sum, key_added)
    source = locate(adata, layer)
    scale = identify_scale(source.matrix, var_names=adata.var_names, where=source.where)
    if scale.name != "double_log":  # which is undone here, where it is asked for
        require_convertible(scale, source)
    if target == "counts" and not _has_units(scale):
        raise ScaleError(
            f"{source.where} holds {scale}: counts cannot be told from that, because each cell was "
            f"divided by its own sum. Give raw counts: {source.alternatives}."
        )
    if target_sum is not None and scale.target_sum is None and not _has_units(scale):
        warn(
            f"{source.where} holds {scale}, and cells differ in their sum: genes seem to have been "
            "left out after the normalization. Cells are now scaled to the same sum over the genes "
            "at hand. Pass target_sum=None to keep each cell's own factor.",
        )
    if _is_there(scale, target, target_sum):
        matrix = copied_matrix(source.matrix)
    else:
        matrix = convert(source.matrix, scale, target, target_sum=target_sum)
    adata = own(adata, copy=copy)
    _write(adata, matrix, source, target, key_added)
    return adata if copy else None


def _has_units(scale: Scale) -> bool:
    return scale.of_counts or scale.name == "counts"


def _check_arguments(
    adata: AnnData, target: str, target_sum: float | None, key_added: str | None
) -> None:
    check_not_empty(adata)
    if target not in get_args(Target):
        raise ValueError(
            f"target={target!r} is not one of {', '.join(map(repr, get_args(Target)))}."
        )
    if target_sum is not None and not (math.isfinite(target_sum) and target_sum > 0):
        raise ValueError(
            f"target_sum={target_sum!r}; a positive number of counts per cell is needed."
        )
    if key_added is not None:
        check_name(key_added, "key_added", "a layer")
    if adata.isbacked:
        raise ValueError(
            "The AnnData is backed by a file, which is not written to. Load it first: adata = "
            "adata.to_memory()."
        )


def _is_there(scale: Scale, target: Target, target_sum: float | None) -> bool:
    """Tell whether the matrix is on the target scale already, as it is stored."""
    if scale.name != target or scale.offset or scale.base not in (None, math.e):
        return False
    if target == "counts":
        return scale.share_whole == 1 or not scale.of_counts
    same = scale.target_sum is not None and math.isclose(
        scale.target_sum, target_sum or scale.target_sum, rel_tol=1e-3
    )
    return same or target_sum is None


def _write(
    adata: AnnData, matrix: object, source: Source, target: Target, key_added: str | None
) -> None:
    layer = key_added or source.layer
    if layer is not None:
        adata.layers[layer] = matrix
        return
    adata.X = matrix
    adata.uns.pop(LOG1P, None)
    if target == "log1p":
        adata.uns[LOG1P] = {"base": None}
