"""Preprocessing: functions that take an AnnData and write what they find into it.

`rank_genes_js`
    Rank genes by how much their counts differ between labels.
"""

from cellclass.pp._rank_genes_js import rank_genes_js

__all__ = ["rank_genes_js"]
