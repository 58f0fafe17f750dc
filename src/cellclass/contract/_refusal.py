"""Why a scale is refused, and the call that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass.contract._scale import MOST_COUNTS
from cellclass.errors import ScaleError

if TYPE_CHECKING:
    from cellclass.contract._scale import Scale
    from cellclass.contract._source import Source


def require_convertible(scale: Scale, source: Source) -> None:
    """Refuse a scale from which counts per 10,000 cannot be had.

    Parameters
    ----------
    scale
        What was found.
    source
        The matrix it was found in.

    Raises
    ------
    ScaleError
        With what was found, and what can be done.
    """
    if not scale.is_convertible:
        raise ScaleError(f"{source.where} {_found(scale)}: {source.alternatives}.")


def _found(scale: Scale) -> str:
    if scale.name == "scaled":
        return _negative(scale)
    if scale.name == "mixed":
        cells = ", ".join(map(str, scale.differ))
        return (
            f"is on several scales: {scale.n_differ:,} of {scale.n_obs:,} cells differ from the "
            f"others, first at positions {cells} ({scale.found}). Bring each batch to one scale, "
            "with cc.pp.normalize_scale(batch), before they are put together, or give raw counts"
        )
    if scale.name == "double_log":
        return (
            f"holds logarithms of logarithms (maximum {scale.maximum:.3g}): log1p was taken twice. "
            "Undo it with cc.pp.normalize_scale(adata), or give raw counts"
        )
    if scale.name == "unrecognised":
        return (
            f"holds values between {scale.minimum:.3g} and {scale.maximum:.3g} that are neither "
            "counts, nor counts scaled to a sum per cell, nor a logarithm or square root of those: "
            f"{scale.found}. Values that went through another step (batch correction, imputation) "
            "cannot be brought back. Give raw counts, CP10k or log1p of CP10k instead"
        )
    return (
        f"holds {scale} up to {scale.maximum:,.0f}; no gene has {MOST_COUNTS:,} molecules or reads "
        "in one cell. Give raw counts"
    )


def _negative(scale: Scale) -> str:
    if scale.share_whole == 1:
        return (
            f"holds whole numbers, but negative ones (minimum {scale.minimum:.0f}): counts cannot "
            "be negative. Find where they arise, or give raw counts"
        )
    return (
        f"holds negative values (minimum {scale.minimum:.3g}): it looks z-scored, as sc.pp.scale "
        "leaves it, and that cannot be undone. Give raw counts, CP10k or log1p values instead"
    )
