"""What the rows of a matrix say about its scale, taken together."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cellclass.kernels import LINEAR, WHOLE

#: Bits with which a row supports a transformation.
SUPPORTS = 9
#: Bits with which values as they stand rule out that one was applied: whole multiples of a unit
#: whose squares, or powers of two, are whole, too.
SETTLES = 50
#: How far sums may differ (share) and be the same.
SUMS_TOLERANCE = 5e-3
_SUMS_AGREE = 0.99
_USUAL_SUMS = np.array([1e3, 1e4, 1e5, 1e6])
# A matrix without zeros whose smallest value is that frequent had a constant added.
_LEAST_ENTRIES, _TIES = 100, 0.1
_LEAST_FEW, _TIES_FEW = 20, 0.25


class Evidence:
    """What the rows of a matrix say, `ROW_STATISTICS` of those that are not empty."""

    def __init__(self, rows: np.ndarray, *, n_vars: int) -> None:
        self.positions = np.flatnonzero(rows["n_nonzero"] > 0)
        # No copy where every row has values: that of a million rows is 100 MB.
        self.rows = rows if self.positions.size == rows.size else rows[self.positions]
        self.n_vars = n_vars
        self.n_empty = int(rows.size - self.rows.size)
        bits = self.rows["bits"]
        self.contradicted = bits < 0
        settled = bits[:, LINEAR] >= SETTLES
        self.contradicted[settled, LINEAR + 1 :] = True
        self.supported = (bits >= SUPPORTS) & ~self.contradicted

    @cached_property
    def is_raised(self) -> bool:
        """Whether there is no zero, but a smallest value that is as frequent as zeros are."""
        if self.n_empty or not (self.rows["n_nonzero"] == self.n_vars).all():
            return False
        n_entries = self.rows.size * self.n_vars
        if n_entries < _LEAST_ENTRIES:
            return n_entries >= _LEAST_FEW and self.ties >= _TIES_FEW
        return self.ties >= _TIES

    @cached_property
    def ties(self) -> float:
        """Share (0–1) of the entries that equal the smallest value of all."""
        smallest = self.rows["smallest"]
        same = np.isclose(smallest, smallest.min(), rtol=1e-6, atol=0)
        return float(self.rows["n_smallest"][same].sum() / (self.rows.size * self.n_vars))

    def of_counts(self, transform: int) -> bool:
        """Tell whether undoing a transformation gives whole numbers that are no multiples."""
        whole = self.rows["whole"][:, transform]
        if transform == LINEAR:
            whole = np.where(self.rows["integral"], WHOLE, whole)
        return bool((whole > 0).all() and (whole == WHOLE).mean() >= 0.5)

    def sums(self, transform: int) -> tuple[float, float | None, np.ndarray]:
        """Share of cells with the common sum, that sum if they agree, and which cells do."""
        totals = self.rows["total"][:, transform].astype(np.float64)
        told = np.isfinite(totals)
        none = 0.0, None, np.zeros(totals.size, dtype=bool)
        # Whole numbers are summed as they stand only; other cells cannot be left out.
        if not told.any() or not (told | self.rows["integral"]).all():
            return none
        centre = float(np.median(totals[told]))
        if told.sum() < 3:  # any one or two sums agree with themselves: only a usual sum speaks
            centre = float(_USUAL_SUMS[np.abs(np.log(_USUAL_SUMS / centre)).argmin()])
        agrees = told & (np.abs(totals / centre - 1) <= SUMS_TOLERANCE)
        share = float(agrees[told].mean())
        return share, centre if share >= _SUMS_AGREE else None, agrees
