"""Which scale an expression matrix is on, told from all of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp

from cellclass.contract._rows import prepare_rows, row_chunks, stored_values
from cellclass.errors import ScaleError, ValuesError
from cellclass.kernels import ROW_STATISTICS, row_statistics

if TYPE_CHECKING:
    import pandas as pd

ScaleName = Literal["counts", "normalized", "log1p", "scaled", "unrecognised"]

# Shares of cells that must agree, and how closely.
_SUMS_AGREE = 0.99
_SUMS_TOLERANCE = 5e-3
_GRID_AGREES = 0.9
_USUAL_SUMS = np.array([1e3, 1e4, 1e5, 1e6])
_MOST_COUNTS = 1 << 24
_LOG_MAXIMUM = 30.0  # log1p of more molecules than any cell has


@dataclass(frozen=True)
class Scale:
    """The scale of an expression matrix and what speaks for it.

    Attributes
    ----------
    name
        `counts`; `normalized` (counts times a factor per cell); `log1p` (natural logarithm of one
        plus that); `scaled` (negative values); `unrecognised`.
    target_sum
        What each cell sums to (counts), where all cells agree; else `None`.
    n_empty
        Cells without a single non-zero value.
    minimum, maximum
        Over all cells.
    whole
        Whether every value is a whole number.
    share_same_sum, share_same_sum_expm1
        Share (0–1) of cells with the same sum, as stored and after `expm1`.
    share_grid, share_grid_expm1
        Share (0–1) of the cells with several values whose values are multiples of the smallest
        one, as stored and after `expm1`: what is left of whole counts after normalisation.
    """

    name: ScaleName
    target_sum: float | None
    n_empty: int
    minimum: float
    maximum: float
    whole: bool
    share_same_sum: float
    share_same_sum_expm1: float
    share_grid: float
    share_grid_expm1: float


def identify_scale(
    X: Any,  # noqa: ANN401 - any array kind
    *,
    var_names: pd.Index | None = None,
    where: str = "The matrix",
) -> Scale:
    """Identify the scale of a matrix in one pass over all rows.

    Parameters
    ----------
    X
        Expression `(n_obs, n_vars)`: dense, any scipy sparse kind, or backed.
    var_names
        Names of the genes, for messages.
    where
        Where the matrix stands, for messages.

    Raises
    ------
    ValuesError
        A value is NaN or infinite.
    """
    X = prepare_rows(X)
    rows = np.zeros(X.shape[0], dtype=ROW_STATISTICS)
    for part, chunk in row_chunks(X):
        row_statistics(*stored_values(chunk), rows[part])
        if rows["n_not_finite"][part].any():
            _refuse_not_finite(chunk, part.start, var_names, where)
    filled = rows[rows["n_nonzero"] > 0]
    minimum = float(rows["minimum"].min(initial=0.0))
    maximum = float(rows["maximum"].max(initial=0.0))
    share_grid = _share(filled, "grid", among="informative")
    share_grid_expm1 = _share(filled, "grid_expm1", among="informative_expm1")
    share_sum, target = _same_sum(filled["total"])
    share_sum_expm1, target_expm1 = _same_sum(filled["total_expm1"])

    name: ScaleName = "unrecognised"
    target_sum = None
    if minimum < 0:
        name = "scaled"
    elif bool(filled["integral"].all()):
        name = "counts"
    elif not _has_offset(filled):
        small = maximum <= _LOG_MAXIMUM
        same = (share_sum >= _SUMS_AGREE, small and share_sum_expm1 >= _SUMS_AGREE)
        grid = (share_grid >= _GRID_AGREES, small and share_grid_expm1 >= _GRID_AGREES)
        # Equal sums are the stronger evidence (a grid of small values may survive a logarithm),
        # but one or two cells may have a usual sum by chance.
        by_sum = any(same) and (filled.size > 2 or grid[0] == grid[1])
        evidence = same if by_sum else grid
        if evidence == (True, False) and not (
            _strays(filled, "total", target, "grid") or _is_nearly_counts(filled)
        ):
            name, target_sum = "normalized", target
        elif evidence == (False, True) and not (
            _strays(filled, "total_expm1", target_expm1, "grid_expm1") or _has_counts(filled)
        ):
            name, target_sum = "log1p", target_expm1
    return Scale(
        name=name,
        target_sum=target_sum,
        n_empty=int(rows.size - filled.size),
        minimum=minimum,
        maximum=maximum,
        whole=bool(filled["integral"].all()),
        share_same_sum=share_sum,
        share_same_sum_expm1=share_sum_expm1,
        share_grid=share_grid,
        share_grid_expm1=share_grid_expm1,
    )


def require_convertible(scale: Scale, *, where: str, alternatives: str) -> None:
    """Refuse a scale from which counts per 10,000 cannot be had.

    Parameters
    ----------
    scale
        What was found.
    where
        Where the matrix stands, such as `adata.X`.
    alternatives
        What else the AnnData offers, for the message.
    """
    if scale.name == "counts" and scale.maximum >= _MOST_COUNTS:
        raise ScaleError(
            f"{where} holds whole numbers up to {scale.maximum:,.0f}; no gene has {_MOST_COUNTS:,} "
            f"molecules or reads in one cell. Give raw counts: {alternatives}."
        )
    if scale.name == "scaled" and scale.whole:
        raise ScaleError(
            f"{where} holds whole numbers, but negative ones (minimum {scale.minimum:.0f}): counts "
            f"cannot be negative. Find where they arise, or give raw counts: {alternatives}."
        )
    if scale.name == "scaled":
        raise ScaleError(
            f"{where} holds negative values (minimum {scale.minimum:.3g}): it looks z-scored, as "
            "sc.pp.scale leaves it, and that cannot be undone. Give raw counts, CP10k or log1p "
            f"values instead: {alternatives}."
        )
    if scale.name == "unrecognised":
        raise ScaleError(
            f"{where} holds values between {scale.minimum:.3g} and {scale.maximum:.3g} that are "
            "neither counts, nor counts scaled to a sum per cell, nor the natural log1p of that. "
            f"Values that went through another step (batch correction, another logarithm, "
            f"smoothing) cannot be brought back. Give raw counts: {alternatives}."
        )


def _share(rows: np.ndarray, field: str, *, among: str) -> float:
    told = rows[rows[among]]
    return float(told[field].mean()) if told.size else 0.0


def _same_sum(totals: np.ndarray) -> tuple[float, float | None]:
    """Share of cells with the common sum, and that sum if they agree on one."""
    centre = float(np.median(totals)) if totals.size else 0.0
    if not np.isfinite(centre) or centre <= 0:
        return 0.0, None
    if totals.size < 3:  # any one or two sums agree with themselves: only a usual sum speaks
        usual = _USUAL_SUMS[np.abs(_USUAL_SUMS / centre - 1).argmin()]
        centre = float(usual)
    share = float((np.abs(totals / centre - 1) <= _SUMS_TOLERANCE).mean())
    return share, centre if share >= _SUMS_AGREE else None


def _has_offset(rows: np.ndarray) -> bool:
    """Tell whether a constant was added to counts: no factor per cell gives them back."""
    told = rows[rows["informative"]]
    return bool(told.size and told["offset"].mean() > 0.5)


def _strays(rows: np.ndarray, total: str, target: float | None, grid: str) -> bool:
    """Tell whether some cells are far from the sum of the others and no multiples of a count."""
    if target is None:
        return False
    far = (rows[total] < target / 2) | (rows[total] > target * 2)
    return bool((far & ~rows[grid]).any())


def _is_nearly_counts(rows: np.ndarray) -> bool:
    """Tell whether most cells hold counts, and others no multiples of a count."""
    odd = ~rows["integral"] & ~rows["grid"]
    return bool(odd.any() and rows["integral"].mean() > 0.5)


def _has_counts(rows: np.ndarray) -> bool:
    """Tell whether a cell holds two different whole numbers, which no logarithm gives."""
    return bool((rows["integral"] & rows["informative"]).any())


def _refuse_not_finite(
    chunk: sp.csr_matrix | np.ndarray, start: int, var_names: pd.Index | None, where: str
) -> None:
    entries = sp.coo_matrix(chunk)
    cells, genes, values = entries.row, entries.col, entries.data
    bad = np.flatnonzero(~np.isfinite(values))
    gene = genes[bad[0]] if var_names is None else repr(str(var_names[genes[bad[0]]]))
    raise ValuesError(
        f"{where} holds NaN or infinite values: {values[bad[0]]} in cell number "
        f"{start + cells[bad[0]]}, gene {gene}, and {bad.size - 1} more nearby. Find where they "
        "arise, or set them to zero if they mean zero: "
        f"numpy.nan_to_num on its values ({where}.data where it is sparse)."
    )
