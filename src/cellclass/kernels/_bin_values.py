"""What the counts in a bin are taken for in means and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.kernels._bad_counts import COUNT_LIMIT

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lowest_counts(bins: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - several kinds
    """Return the lowest count of each bin of octaves, int64; None where bins are none of those."""
    name, parts = bins if isinstance(bins, tuple) else (bins, 1)
    if name != "log2":
        return None
    number = np.arange(parts * (COUNT_LIMIT.bit_length() + 1), dtype=np.int64)
    octave = np.maximum(number // parts - 1, 0)
    return np.where(number < 2 * parts, number, parts + number % parts << octave)


def middle_counts(bins: Any) -> NDArray[np.float64] | None:  # noqa: ANN401 - several kinds
    """Return the middle of each bin, float64 `(n_bins,)`; None where the bins are the counts.

    Bins of equal width have different widths in each gene: theirs is the unit, which a fold change
    does not depend on. Quantiles have no middle that all genes share: their numbers stand for them.
    """
    lowest = lowest_counts(bins)
    if lowest is not None:
        return np.append((lowest[:-1] + lowest[1:] - 1) / 2, lowest[-1])
    if isinstance(bins, int):
        return np.maximum(np.arange(bins + 1) - 0.5, 0)
    return None
