"""Tools: label a query, see how good the labels are, and choose among settings.

`annotate`
    Labels, confidence, novelty and probabilities for each cell of a query.
`majority_vote`
    Smooths the labels within clusters, without losing rare types.
`roll_up_labels`
    A coarser label of a hierarchy where the fine ones are in doubt.
`compare_composition`
    Proportions of the labels between samples, conditions and a reference tissue.
`attribute_genes`
    Which genes the labels come from.
`evaluate`
    Scores of an annotation against known labels.
`cross_validate`, `CrossValidation`
    Scores of a class of models on cells held out, beside a tuned logistic regression.
`tune`, `Tuning`
    Settings of a model, chosen on cells held out.
"""

from cellclass.tl._annotate import annotate
from cellclass.tl._attribute_genes import attribute_genes
from cellclass.tl._compare_composition import compare_composition
from cellclass.tl._cross_validate import cross_validate
from cellclass.tl._cross_validation import CrossValidation
from cellclass.tl._evaluate import evaluate
from cellclass.tl._majority_vote import majority_vote
from cellclass.tl._roll_up_labels import roll_up_labels
from cellclass.tl._tune import tune
from cellclass.tl._tuning import Tuning

__all__ = [
    "CrossValidation",
    "Tuning",
    "annotate",
    "attribute_genes",
    "compare_composition",
    "cross_validate",
    "evaluate",
    "majority_vote",
    "roll_up_labels",
    "tune",
]
