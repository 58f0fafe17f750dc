"""Preprocessing: functions that take an AnnData and write what they find into it.

`align_genes`
    Say which gene of a reference each gene is, under whatever name.
`rank_genes_js`
    Rank genes by how much their counts differ between labels.
`select_genes_mrmr`
    Choose genes that tell labels apart and do not repeat each other.
`identify_scale`, `Scale`
    Tell which scale expression is on, from all of its cells.
`normalize_scale`
    Bring expression to a scale, from whichever scale it is on.
"""

from cellclass.contract import Scale
from cellclass.pp._align_genes import align_genes
from cellclass.pp._identify_scale import identify_scale
from cellclass.pp._normalize_scale import normalize_scale
from cellclass.pp._rank_genes_js import rank_genes_js
from cellclass.pp._select_genes_mrmr import select_genes_mrmr

__all__ = [
    "Scale",
    "align_genes",
    "identify_scale",
    "normalize_scale",
    "rank_genes_js",
    "select_genes_mrmr",
]
