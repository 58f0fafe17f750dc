"""Tools: label a query, and see how good the labels are.

`annotate`
    Labels, confidence, novelty and probabilities for each cell of a query.
`majority_vote`
    Smooths the labels within clusters, without losing rare types.
`roll_up_labels`
    A coarser label of a hierarchy where the fine ones are in doubt.
`evaluate`
    Scores of an annotation against known labels.
"""

from cellclass.tl._annotate import annotate
from cellclass.tl._evaluate import evaluate
from cellclass.tl._majority_vote import majority_vote
from cellclass.tl._roll_up_labels import roll_up_labels

__all__ = ["annotate", "evaluate", "majority_vote", "roll_up_labels"]
