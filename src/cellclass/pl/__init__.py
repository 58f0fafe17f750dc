"""Pictures of what the tools wrote; they compute nothing.

`confusion_matrix`
    Which labels are taken for which.
`gene_attributions`
    The genes of `cc.tl.attribute_genes`.
`rank_genes_js`
    The first genes of `cc.pp.rank_genes_js`.
`training_history`
    Loss by epoch.
"""

from cellclass.pl._confusion_matrix import confusion_matrix
from cellclass.pl._gene_attributions import gene_attributions
from cellclass.pl._rank_genes_js import rank_genes_js
from cellclass.pl._training_history import training_history

__all__ = ["confusion_matrix", "gene_attributions", "rank_genes_js", "training_history"]
