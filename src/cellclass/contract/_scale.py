"""Which scale an expression matrix is on, told from all of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cellclass.contract._row_scan import NotFiniteError, scan_rows
from cellclass.contract._rows import prepare_rows
from cellclass.contract._verdict import judge, number
from cellclass.errors import ValuesError
from cellclass.kernels import (
    BASES,
    DOUBLE_LOG,
    LINEAR,
    LN,
    LOG2,
    LOG10,
    SQRT,
)

if TYPE_CHECKING:
    import pandas as pd

ScaleName = Literal[
    "counts",
    "normalized",
    "log1p",
    "double_log",
    "sqrt",
    "scaled",
    "mixed",
    "unrecognised",
]

# Relative error that stored values are granted: six significant digits, or half precision.
_PRECISION, _HALF_PRECISION = 6e-6, 1e-3
_TRANSFORMS: dict[tuple[str, float | None], int] = {
    ("counts", None): LINEAR,
    ("normalized", None): LINEAR,
    ("log1p", BASES[LN]): LN,
    ("log1p", BASES[LOG2]): LOG2,
    ("log1p", BASES[LOG10]): LOG10,
    ("sqrt", None): SQRT,
    ("double_log", BASES[LN]): DOUBLE_LOG,
}
#: From here on a count is none.
MOST_COUNTS = 1 << 24
_BASE_NAMES = {2.0: " (base 2)", 10.0: " (base 10)"}


@dataclass(frozen=True)
class Scale:
    """The scale of an expression matrix and what speaks for it.

    Attributes
    ----------
    name
        `counts`; `normalized` (counts times a factor per cell); `log1p` (logarithm of one plus
        counts or normalised values); `double_log` (natural log1p taken twice); `sqrt`; `scaled`
        (negative values); `mixed` (some cells are on another scale than the others);
        `unrecognised`.
    base
        Base of the logarithm: e, 2 or 10; `None` where there is none.
    target_sum
        What each cell sums to once the transformation is undone (counts), where all cells agree;
        else `None`.
    of_counts
        Whether whole counts come out once the transformation is undone, so that they can be had
        exactly.
    offset
        Constant that was added to counts; 0 where there is none.
    n_obs, n_empty
        Cells, and those without a single non-zero value.
    n_differ, differ
        Of a `mixed` matrix: how many cells are on another scale than most of the others, and the
        positions of the first five of them.
    minimum, maximum
        Over all cells, as stored.
    share_whole
        Share (0–1) of the cells all of whose values are whole numbers, as stored.
    share_grid
        Share (0–1) of the cells whose values, once the transformation is undone, are shown to be
        whole multiples of one unit: what is left of counts after normalisation. A cell with one
        value, or with values rounded to a few decimals, may show nothing.
    share_same_sum
        Share (0–1) of the cells that have the common sum once the transformation is undone.
    found
        What was found, in words.

    Examples
    --------
    >>> import cellclass as cc
    >>> scale = cc.pp.identify_scale(cc.datasets.simulate_counts(20, 100))
    >>> scale.name, scale.is_convertible
    ('counts', True)
    >>> print(scale)
    counts
    """

    name: ScaleName
    base: float | None
    target_sum: float | None
    of_counts: bool
    offset: float
    n_obs: int
    n_empty: int
    n_differ: int
    differ: tuple[int, ...]
    minimum: float
    maximum: float
    share_whole: float
    share_grid: float
    share_same_sum: float
    found: str

    def __str__(self) -> str:
        """Say the scale in a few words."""
        if self.name == "counts":
            if self.offset:
                return f"counts plus {self.offset:g}"
            return "counts" if self.of_counts else "counts with fractions"
        if self.name == "mixed":
            return f"mixed ({self.n_differ:,} of {self.n_obs:,} cells differ)"
        if self.name in ("scaled", "unrecognised"):
            return self.name
        inner = "counts" if self.of_counts else "normalized values"
        if self.target_sum is not None:
            inner = f"values normalized to {number(self.target_sum)} per cell"
        if self.name == "normalized":
            return inner.removeprefix("values ").removesuffix(" values")
        name = "log1p twice" if self.name == "double_log" else self.name
        return f"{name}{_BASE_NAMES.get(self.base or 0.0, '')} of {inner}"

    @property
    def is_convertible(self) -> bool:
        """Whether counts per 10,000 can be had from it without a guess."""
        if self.name == "counts":
            return self.maximum < MOST_COUNTS
        return self.name in ("normalized", "log1p", "sqrt")

    @property
    def form(self) -> tuple[int, float, bool]:
        """How stored values are brought back, as the kernels take it."""
        transform = _TRANSFORMS[self.name, self.base]
        stored_as_counts = self.name == "counts" and self.share_whole == 1 and not self.offset
        return transform, self.offset, self.of_counts and not stored_as_counts


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
        Expression `(n_obs, n_vars)`: dense, any scipy sparse kind, backed, or a Dask array, whose
        chunks are described by its scheduler, one task each.
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
    precision = _HALF_PRECISION if np.dtype(X.dtype) == np.float16 else _PRECISION
    try:
        rows = scan_rows(X, precision)
    except NotFiniteError as error:
        raise _not_finite(error, var_names, where) from None
    filled = rows["n_nonzero"] > 0
    return Scale(
        **vars(judge(rows, n_vars=X.shape[1])),
        n_obs=rows.size,
        n_empty=int(rows.size - filled.sum()),
        minimum=_minimum(rows, n_vars=X.shape[1]),
        maximum=float(rows["maximum"].max(initial=0.0)),
        share_whole=float(rows["integral"][filled].mean()) if filled.any() else 1.0,
    )


def _minimum(rows: np.ndarray, *, n_vars: int) -> float:
    lowest = float(rows["minimum"].min(initial=0.0))  # of the values other than zero, and zero
    if lowest < 0 or (rows["n_nonzero"] < n_vars).any():
        return lowest
    return float(rows["smallest"].min(initial=np.inf))


def _not_finite(error: NotFiniteError, var_names: pd.Index | None, where: str) -> ValuesError:
    gene = error.gene if var_names is None else repr(str(var_names[error.gene]))
    return ValuesError(
        f"{where} holds NaN or infinite values: {error.value} in cell number {error.cell}, gene "
        f"{gene}, and {error.n_more} more nearby. Find where they arise, or set them to zero if "
        f"they mean zero: numpy.nan_to_num on its values ({where}.data where it is sparse)."
    )
