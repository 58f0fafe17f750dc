"""Loops over arrays, compiled by numba; no AnnData and no torch here.

`count_divergence`
    Jensen–Shannon divergence of each gene's counts across labels.
`count_tables`, `CountTables`, `split_tables`
    How many cells of each label have each value of each gene, from one pass; adds up over parts
    of the cells; the batches in them.
`plan_counts`, `Counter`, `bin_rule`, `takes_fractions`, `not_counts`, `BinRule`, `Bins`
    The same for a matrix that comes in parts.
`depth_factors`, `depths`, `factors_of`, `factors_to`, `median_depth`
    Factors that bring every cell to the median depth.
`divergences`, `label_divergences`, `g_tests`, `coarse_counts`
    What is computed from such tables: divergence over all labels, one label against the rest,
    tests of independence, and distributions to look at.
`best_first`, `round_robin`, `PANEL_BINS`
    Orders of genes: by score, and taken in turn from the labels.
`lowest_counts`, `middle_counts`
    What counts a bin stands for.
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
`normalize_rows`, `row_sums`
    Rows scaled to one sum, and sums over rows.
`nearest`
    The nearest of some thousand points.
`rank_tokens_csr`, `rank_tokens_dense`, `MOST_GENES`
    The genes of each cell in the order of their expression, as tokens.
`log2_bins`, `quantile_bins`
    Expression values as small whole numbers, as tokens.
`add_by_gene`, `medians_by_gene`
    Medians of genes over the cells that express them.
`at_median_depth`, `tercile_thresholds`
    Counts at one depth, and coarse codes of them.
`pack_codes`, `PackedCodes`, `greedy_information`, `greedy_correlation`
    Genes chosen one after the other for what they add to those chosen before.
`text_rows`, `by_column`, `add_part`
    Rows of a text matrix as sparse entries, turned to columns and joined.
"""

from cellclass.kernels import _text_rows as text_rows
from cellclass.kernels._array_kinds import check_entries
from cellclass.kernels._bad_counts import COUNT_LIMIT, BadCounts, find_bad_counts
from cellclass.kernels._bin_rules import Bins, bin_rule, takes_fractions
from cellclass.kernels._bin_values import lowest_counts, middle_counts
from cellclass.kernels._bins import BinRule
from cellclass.kernels._chi_squared import chi_squared_tail
from cellclass.kernels._coarse_codes import at_median_depth, tercile_thresholds
from cellclass.kernels._coarse_counts import coarse_counts
from cellclass.kernels._count_tables import count_tables
from cellclass.kernels._counter import Counter, not_counts, plan_counts
from cellclass.kernels._depth import (
    depth_factors,
    depths,
    factors_of,
    factors_to,
    median_depth,
)
from cellclass.kernels._divergence import count_divergence, divergences
from cellclass.kernels._expression_bins import log2_bins, quantile_bins
from cellclass.kernels._g_test import GTests, g_tests
from cellclass.kernels._gather import gather_csr, gather_dense
from cellclass.kernels._gene_histogram import split_tables
from cellclass.kernels._gene_medians import add_by_gene, medians_by_gene
from cellclass.kernels._label_divergence import LabelDivergences, label_divergences
from cellclass.kernels._nearest import nearest
from cellclass.kernels._normalize_rows import normalize_rows
from cellclass.kernels._panel import PANEL_BINS, best_first, round_robin
from cellclass.kernels._rank_tokens import MOST_GENES, rank_tokens_csr, rank_tokens_dense
from cellclass.kernels._redundancy import (
    PackedCodes,
    greedy_correlation,
    greedy_information,
    pack_codes,
)
from cellclass.kernels._row_grid import WHOLE
from cellclass.kernels._row_statistics import ROW_STATISTICS, row_statistics
from cellclass.kernels._row_sums import row_sums
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
from cellclass.kernels._transpose import add_part, by_column

__all__ = [
    "BASES",
    "COUNT_LIMIT",
    "DOUBLE_LOG",
    "LINEAR",
    "LN",
    "LOG2",
    "LOG10",
    "MOST_GENES",
    "N_TRANSFORMS",
    "PANEL_BINS",
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
    "add_by_gene",
    "add_part",
    "at_median_depth",
    "best_first",
    "bin_rule",
    "by_column",
    "check_entries",
    "chi_squared_tail",
    "coarse_counts",
    "count_divergence",
    "count_tables",
    "depth_factors",
    "depths",
    "divergences",
    "factors_of",
    "factors_to",
    "find_bad_counts",
    "g_tests",
    "gather_csr",
    "gather_dense",
    "greedy_correlation",
    "greedy_information",
    "label_divergences",
    "log2_bins",
    "lowest_counts",
    "median_depth",
    "medians_by_gene",
    "middle_counts",
    "nearest",
    "normalize_rows",
    "not_counts",
    "pack_codes",
    "plan_counts",
    "quantile_bins",
    "rank_tokens_csr",
    "rank_tokens_dense",
    "restore_values",
    "round_robin",
    "row_statistics",
    "row_sums",
    "split_tables",
    "takes_fractions",
    "tercile_thresholds",
    "text_rows",
]
