"""Data frames of what the tools wrote.

`baseline_df`
    Model and tuned logistic regression on the model's validation cells.
`composition_df`
    Proportions, differences and distances of `cc.tl.compare_composition`.
`evaluation_df`
    Scores, confusion table and reliability of `cc.tl.evaluate`.
`gene_attributions_df`
    The genes of `cc.tl.attribute_genes`.
`predictions_df`
    Labels, confidence and novelty of `cc.tl.annotate`.
`rank_genes_js_df`
    The ranking of `cc.pp.rank_genes_js`.
"""

from cellclass.get._baseline_df import baseline_df
from cellclass.get._composition_df import composition_df
from cellclass.get._evaluation_df import evaluation_df
from cellclass.get._gene_attributions_df import gene_attributions_df
from cellclass.get._predictions_df import predictions_df
from cellclass.get._rank_genes_js_df import rank_genes_js_df

__all__ = [
    "baseline_df",
    "composition_df",
    "evaluation_df",
    "gene_attributions_df",
    "predictions_df",
    "rank_genes_js_df",
]
