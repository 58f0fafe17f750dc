"""Small whole numbers for expression values, as the tokens of a transformer.

Not the bins of counts that genes are ranked with: those are `_bin_rules` and `_bin_values`.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def log2_bins(values: np.ndarray, highest: int, slack: float, out: np.ndarray) -> None:
    """Write `floor(log2(1 + x))` of each value, cut at `highest`, into `out`.

    Parameters
    ----------
    values
        Linear values `(n,)`, not negative, such as counts per 10,000.
    highest
        The largest bin.
    slack
        Share of 1 + x by which a value may miss a bin and still be in it: the error of values that
        were stored after rounding, 0 for exact ones.
    out
        uint8 `(n,)`.
    """
    # thresholds instead of a logarithm, whose rounding would move whole powers of two
    for i in range(values.size):
        bound = 2.0
        found = 0
        x = (1.0 + np.float64(values[i])) * (1.0 + slack)
        while found < highest and x >= bound:
            found += 1
            bound *= 2.0
        out[i] = found


@numba.njit(nogil=True, cache=True)
def quantile_bins(values: np.ndarray, indptr: np.ndarray, n_bins: int, out: np.ndarray) -> None:
    r"""Write the bin of each value among the quantiles of its own row's non-zero values.

    With n non-zero values in the row, r of them at most x, the bin of x is
    ⌊(r - 1)(n_bins - 2) / (n - 1)⌋ + 1. That is how many of the quantiles 0, 1 / (n_bins - 2), …, 1
    are at most x, in whole numbers: nothing is rounded, and only the order of the values matters.
    Equal values have the same bin. The largest is in bin n_bins - 1, also where it is the only one.

    Parameters
    ----------
    values
        Values of the rows, one after the other, in any order within a row.
    indptr
        Where each row starts and ends in `values`, `(n_obs + 1,)`.
    n_bins
        Bins with that of zero, 3 to 255.
    out
        uint8, as many as `values`; 0 for values that are not above 0.
    """
    for i in range(indptr.size - 1):
        row = values[indptr[i] : indptr[i + 1]]
        bins = out[indptr[i] : indptr[i + 1]]
        ordered = row[row > 0]
        ordered.sort()
        n = ordered.size
        for j in range(row.size):
            bins[j] = 0
            if row[j] > 0:
                below = np.searchsorted(ordered, row[j], side="right") - 1
                bins[j] = below * (n_bins - 2) // (n - 1) + 1 if n > 1 else n_bins - 1
