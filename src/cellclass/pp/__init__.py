"""Preprocessing: functions that take an AnnData and write what they find into it.

`identify_scale`, `Scale`
    Tell which scale expression is on, from all of its cells.
`normalize_scale`
    Bring expression to a scale, from whichever scale it is on.
`rank_value_encode`
    Write each cell as the order of its genes, as tokens of a transformer.
`bin_values`
    Turn expression values into small whole numbers, as tokens.
`align_genes`
    Say which gene of a reference each gene is, under whatever name.
`harmonize_labels`
    Find labels that are one name in several spellings; merge those that you name.
`split_cells`
    Train, validation and test, over cells or over whole groups.
`rank_genes_js`
    Rank genes by how much their counts differ between labels.
`select_genes_mrmr`
    Choose genes that tell labels apart and do not repeat each other.
"""

from cellclass.contract import Scale
from cellclass.pp._align_genes import align_genes
from cellclass.pp._bin_values import bin_values
from cellclass.pp._harmonize_labels import harmonize_labels
from cellclass.pp._identify_scale import identify_scale
from cellclass.pp._normalize_scale import normalize_scale
from cellclass.pp._rank_genes_js import rank_genes_js
from cellclass.pp._rank_value_encode import rank_value_encode
from cellclass.pp._select_genes_mrmr import select_genes_mrmr
from cellclass.pp._split_cells import split_cells

__all__ = [
    "Scale",
    "align_genes",
    "bin_values",
    "harmonize_labels",
    "identify_scale",
    "normalize_scale",
    "rank_genes_js",
    "rank_value_encode",
    "select_genes_mrmr",
    "split_cells",
]
