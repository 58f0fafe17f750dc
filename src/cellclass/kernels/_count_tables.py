"""Count, for each label and gene, the cells that have each value: one pass over the matrix.

A table with one compact range of slots per gene, wide enough for nearly all values of a sample of
cells, takes almost every entry. The rare large values go to a list that is sorted once. Both
together are exact, whatever the sample was.

The tables of parts of the cells add up: whole numbers are added and the lists are joined, so the
result does not depend on the parts, on their order or on the threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass.kernels._array_kinds import as_array_kind
from cellclass.kernels._bin_rules import bin_rule
from cellclass.kernels._counter import Counter, plan_counts
from cellclass.kernels._tables import CountTables

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from cellclass.kernels._bin_rules import Bins

__all__ = ["CountTables", "count_tables"]


def count_tables(
    X: Any,  # noqa: ANN401 - any array kind
    codes: np.ndarray,
    n_labels: int,
    *,
    bins: Bins = None,
    factors: ArrayLike | None = None,
    n_threads: int | None = None,
) -> CountTables:
    """Count the cells of each label that have each value of each gene.

    Parameters
    ----------
    X
        Values `(n_obs, n_vars)`: CSR, CSC, other sparse or dense, of any integer or float type.
    codes
        Label codes `(n_obs,)`, signed integers; -1 leaves a cell out.
    n_labels
        Number of labels, at most 16,384.
    bins
        None: every whole number is a bin of its own. ``"log2"``: 0, 1, 2–3, 4–7, … (``("log2",
        n)``: octaves in n parts, n a power of two; exact below 2n). A number n: zero and n bins
        of equal width from 0 to the largest value of the gene. ``("quantile", n)``: zero and at
        most n bins with about as many of the gene's other values in each, all labels together.
        The last two take fractional values, too.
    factors
        One positive number per cell `(n_obs,)`, by which counts are multiplied before they are
        rounded to whole numbers, as `depth_factors` gives them.
    n_threads
        Number of threads; by default as many as are of use, at most 8. The result is the same.

    Raises
    ------
    ValuesError
        A value is NaN, infinite, negative, fractional (where whole numbers are needed) or at
        least 2²⁴.
    ValueError
        There are too many labels or genes, or `bins`, `factors` or `n_threads` make no sense.
    """
    matrix = as_array_kind(X)
    codes = np.asarray(codes)
    rule = bin_rule(bins, lambda function, _: function(matrix, codes, factors, n_threads=n_threads))
    plan = plan_counts(matrix, codes, n_labels, rule=rule, factors=factors)
    counter = Counter(plan, n_threads=n_threads)
    counter.add(matrix, codes, factors)
    return counter.result()
