"""Loops over arrays, compiled by numba; no AnnData and no torch here.

`count_divergence`
    Jensen–Shannon divergence of each gene's counts across labels.
`count_tables`, `CountTables`, `split_tables`
    How many cells of each label have each value of each gene, from one pass; adds up over parts
    of the cells; the batches in them.
`plan_counts`, `Counter`, `bin_rule`, `takes_fractions`, `not_counts`, `BinRule`, `Bins`
    The same for a matrix that comes in parts.
`depth_factors`, `depths`, `factors_of`
    Factors that bring every cell to the median depth.
`divergences`, `label_divergences`, `g_tests`, `coarse_counts`
    What is computed from such tables: divergence over all labels, one label against the rest,
    tests of independence, and distributions to look at.
`chi_squared_tail`
    p-values of many statistics.
`find_bad_counts`, `BadCounts`, `COUNT_LIMIT`
    Which values of a matrix are not counts, and where the first of them is.
`row_statistics`, `ROW_STATISTICS`, `WHOLE`
    What one pass over the rows tells about the scale of a matrix.
`LINEAR`, `LN`, `LOG2`, `LOG10`, `SQRT`, `DOUBLE_LOG`, `N_TRANSFORMS`, `BASES`, `restore_values`
    The transformations that expression is found under, and values brought back from them.
`gather_csr`, `gather_dense`
    Rows of expression as the input of a model.
`at_median_depth`, `tercile_thresholds`
    Counts at one depth, and coarse codes of them.
`pack_codes`, `PackedCodes`, `greedy_information`, `greedy_correlation`
    Genes chosen one after the other for what they add to those chosen before.
"""

from cellclass.kernels._bad_counts import COUNT_LIMIT, BadCounts, find_bad_counts
from cellclass.kernels._bin_rules import Bins, bin_rule, takes_fractions
from cellclass.kernels._bins import BinRule
from cellclass.kernels._chi_squared import chi_squared_tail
from cellclass.kernels._coarse_codes import at_median_depth, tercile_thresholds
from cellclass.kernels._coarse_counts import coarse_counts
from cellclass.kernels._count_tables import count_tables
from cellclass.kernels._counter import Counter, not_counts, plan_counts
from cellclass.kernels._depth import depth_factors, depths, factors_of
from cellclass.kernels._divergence import count_divergence, divergences
from cellclass.kernels._g_test import GTests, g_tests
from cellclass.kernels._gather import gather_csr, gather_dense
from cellclass.kernels._gene_histogram import split_tables
from cellclass.kernels._label_divergence import LabelDivergences, label_divergences
from cellclass.kernels._redundancy import (
    PackedCodes,
    greedy_correlation,
    greedy_information,
    pack_codes,
)
from cellclass.kernels._row_grid import WHOLE
from cellclass.kernels._row_statistics import ROW_STATISTICS, row_statistics
from cellclass.kernels._tables import CountTables
from cellclass.kernels._transforms import (
    BASES,
    DOUBLE_LOG,
    LINEAR,
    LN,
    LOG2,
    LOG10,
    N_TRANSFORMS,
    SQRT,
    restore_values,
)

__all__ = [
    "BASES",
    "COUNT_LIMIT",
    "DOUBLE_LOG",
    "LINEAR",
    "LN",
    "LOG2",
    "LOG10",
    "N_TRANSFORMS",
    "ROW_STATISTICS",
    "SQRT",
    "WHOLE",
    "BadCounts",
    "BinRule",
    "Bins",
    "CountTables",
    "Counter",
    "GTests",
    "LabelDivergences",
    "PackedCodes",
    "at_median_depth",
    "bin_rule",
    "chi_squared_tail",
    "coarse_counts",
    "count_divergence",
    "count_tables",
    "depth_factors",
    "depths",
    "divergences",
    "factors_of",
    "find_bad_counts",
    "g_tests",
    "gather_csr",
    "gather_dense",
    "greedy_correlation",
    "greedy_information",
    "label_divergences",
    "not_counts",
    "pack_codes",
    "plan_counts",
    "restore_values",
    "row_statistics",
    "split_tables",
    "takes_fractions",
    "tercile_thresholds",
]
