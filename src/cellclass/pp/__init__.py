"""Preprocessing: functions that take an AnnData and write what they find into it.

`harmonize_labels`
    Find labels that are one name in several spellings; merge those that you name.
`rank_genes_js`
    Rank genes by how much their counts differ between labels.
`select_genes_mrmr`
    Choose genes that tell labels apart and do not repeat each other.
`split_cells`
    Train, validation and test, over cells or over whole groups.
"""

from cellclass.pp._harmonize_labels import harmonize_labels
from cellclass.pp._rank_genes_js import rank_genes_js
from cellclass.pp._select_genes_mrmr import select_genes_mrmr
from cellclass.pp._split_cells import split_cells

__all__ = ["harmonize_labels", "rank_genes_js", "select_genes_mrmr", "split_cells"]
