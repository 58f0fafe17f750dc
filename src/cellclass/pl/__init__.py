"""Pictures of what the tools wrote; they compute nothing.

`calibration`
    The share of right labels at each confidence.
`composition`
    Proportions of the labels: stacked bars, forest plots, distances to a tissue.
`confusion_matrix`
    Which labels are taken for which.
`gene_attributions`
    The genes of `cc.tl.attribute_genes`.
`novelty`
    How unlike the training cells the cells are.
`rank_genes_js`
    The first genes of `cc.pp.rank_genes_js`.
`training_history`
    Loss by epoch.
"""

from cellclass.pl._calibration import calibration
from cellclass.pl._composition import composition
from cellclass.pl._confusion_matrix import confusion_matrix
from cellclass.pl._gene_attributions import gene_attributions
from cellclass.pl._novelty import novelty
from cellclass.pl._rank_genes_js import rank_genes_js
from cellclass.pl._training_history import training_history

__all__ = [
    "calibration",
    "composition",
    "confusion_matrix",
    "gene_attributions",
    "novelty",
    "rank_genes_js",
    "training_history",
]
