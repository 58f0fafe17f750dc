"""What a model expects of its input, and how any AnnData is brought there or refused.

`InputContract`
    Genes, scale and labels that a model was trained on; `learn` and `bind`.
`check_input`
    The checks that need no model yet, for a reference.
`BoundInput`
    A query that has passed; `read` gives the model's input.
`Scale`, `identify_scale`
    Which scale a matrix is on, from all of its rows.
`Proposal`, `Synonym`, `name_key`, `propose_merges`
    Which labels of some references are one name in several spellings.
"""

from cellclass.contract._bound import BoundInput
from cellclass.contract._contract import Expression, InputContract, check_input
from cellclass.contract._label_names import name_key
from cellclass.contract._label_proposals import MIN_SCORE, Proposal, Synonym, propose_merges
from cellclass.contract._scale import Scale, identify_scale

__all__ = [
    "MIN_SCORE",
    "BoundInput",
    "Expression",
    "InputContract",
    "Proposal",
    "Scale",
    "Synonym",
    "check_input",
    "identify_scale",
    "name_key",
    "propose_merges",
]
