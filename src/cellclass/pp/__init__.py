"""Preprocessing: functions that take an AnnData and write what they find into it.

`align_genes`
    Say which gene of a reference each gene is, under whatever name.
`rank_genes_js`
    Rank genes by how much their counts differ between labels.
`select_genes_mrmr`
    Choose genes that tell labels apart and do not repeat each other.
"""

from cellclass.pp._align_genes import align_genes
from cellclass.pp._rank_genes_js import rank_genes_js
from cellclass.pp._select_genes_mrmr import select_genes_mrmr

__all__ = ["align_genes", "rank_genes_js", "select_genes_mrmr"]
