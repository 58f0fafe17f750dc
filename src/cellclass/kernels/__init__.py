"""Loops over arrays, compiled by numba; no AnnData and no torch here.

`count_divergence`
    Jensen–Shannon divergence of each gene's counts across labels.
`find_bad_counts`, `BadCounts`
    Which values of a matrix are not counts, and where the first of them is.
`row_statistics`, `ROW_STATISTICS`
    What one pass over the rows tells about the scale of a matrix.
`gather_csr`, `gather_dense`
    Rows of expression as the input of a model.
`at_median_depth`, `log2_bins`, `tercile_thresholds`
    Counts at one depth, and coarse codes of them.
`pack_codes`, `PackedCodes`, `greedy_information`, `greedy_correlation`
    Genes chosen one after the other for what they add to those chosen before.
"""

from cellclass.kernels._bad_counts import BadCounts, find_bad_counts
from cellclass.kernels._coarse_codes import at_median_depth, log2_bins, tercile_thresholds
from cellclass.kernels._divergence import count_divergence
from cellclass.kernels._gather import gather_csr, gather_dense
from cellclass.kernels._redundancy import (
    PackedCodes,
    greedy_correlation,
    greedy_information,
    pack_codes,
)
from cellclass.kernels._row_statistics import ROW_STATISTICS, row_statistics

__all__ = [
    "ROW_STATISTICS",
    "BadCounts",
    "PackedCodes",
    "at_median_depth",
    "count_divergence",
    "find_bad_counts",
    "gather_csr",
    "gather_dense",
    "greedy_correlation",
    "greedy_information",
    "log2_bins",
    "pack_codes",
    "row_statistics",
    "tercile_thresholds",
]
