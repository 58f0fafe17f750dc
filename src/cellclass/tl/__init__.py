"""Tools: label a query, and see how good the labels are.

`annotate`
    Labels, confidence, novelty and probabilities for each cell of a query.
`attribute_genes`
    Which genes the labels come from.
`evaluate`
    Scores of an annotation against known labels.
"""

from cellclass.tl._annotate import annotate
from cellclass.tl._attribute_genes import attribute_genes
from cellclass.tl._evaluate import evaluate

__all__ = ["annotate", "attribute_genes", "evaluate"]
