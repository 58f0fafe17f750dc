"""Loops over arrays, compiled by numba; no AnnData and no torch here.

`count_divergence`
    Jensen–Shannon divergence of each gene's counts across labels.
`find_bad_counts`, `BadCounts`
    Which values of a matrix are not counts, and where the first of them is.
`row_statistics`, `ROW_STATISTICS`
    What one pass over the rows tells about the scale of a matrix.
`gather_csr`, `gather_dense`
    Rows of expression as the input of a model.
"""

from cellclass.kernels._bad_counts import BadCounts, find_bad_counts
from cellclass.kernels._divergence import count_divergence
from cellclass.kernels._gather import gather_csr, gather_dense
from cellclass.kernels._row_statistics import ROW_STATISTICS, row_statistics

__all__ = [
    "ROW_STATISTICS",
    "BadCounts",
    "count_divergence",
    "find_bad_counts",
    "gather_csr",
    "gather_dense",
    "row_statistics",
]
