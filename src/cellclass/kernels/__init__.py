"""Loops over arrays, compiled by numba; no AnnData and no torch here.

`count_divergence`
    Jensen–Shannon divergence of each gene's counts across labels.
`count_tables`, `CountTables`, `fill_gene`
    How many cells of each label have each value of each gene; adds up over parts of the cells.
`plan_counts`, `Counter`, `bin_rule`, `takes_fractions`, `not_counts`, `BinRule`, `Bins`
    The same for a matrix that comes in parts.
`depth_factors`, `depths`, `factors_of`
    Factors that bring every cell to the median depth.
`divergences`
    The divergence of each gene from such tables.
`find_bad_counts`, `BadCounts`
    Which values of a matrix are not counts, and where the first of them is.
`row_statistics`, `ROW_STATISTICS`
    What one pass over the rows tells about the scale of a matrix.
`gather_csr`, `gather_dense`
    Rows of expression as the input of a model.
"""

from cellclass.kernels._bad_counts import BadCounts, find_bad_counts
from cellclass.kernels._bin_rules import Bins, bin_rule, takes_fractions
from cellclass.kernels._bins import BinRule
from cellclass.kernels._count_tables import count_tables
from cellclass.kernels._counter import Counter, not_counts, plan_counts
from cellclass.kernels._depth import depth_factors, depths, factors_of
from cellclass.kernels._divergence import count_divergence, divergences
from cellclass.kernels._gather import gather_csr, gather_dense
from cellclass.kernels._row_statistics import ROW_STATISTICS, row_statistics
from cellclass.kernels._tables import CountTables, fill_gene

__all__ = [
    "ROW_STATISTICS",
    "BadCounts",
    "BinRule",
    "Bins",
    "CountTables",
    "Counter",
    "bin_rule",
    "count_divergence",
    "count_tables",
    "depth_factors",
    "depths",
    "divergences",
    "factors_of",
    "fill_gene",
    "find_bad_counts",
    "gather_csr",
    "gather_dense",
    "not_counts",
    "plan_counts",
    "row_statistics",
    "takes_fractions",
]
