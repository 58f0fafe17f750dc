"""What a model expects of its input, and how any AnnData is brought there or refused.

`InputContract`
    Genes, scale and labels that a model was trained on; `learn` and `bind`.
`check_input`
    The checks that need no model yet, for a reference.
`BoundInput`
    A query that has passed; `read` gives the model's input.
`MissingGenes`, `with_fewer_genes`, `SHARES`
    What missing genes cost, and the input with ever fewer genes to measure it on.
`Scale`, `identify_scale`
    Which scale a matrix is on, from all of its rows.
"""

from cellclass.contract._bound import BoundInput
from cellclass.contract._contract import Expression, InputContract, check_input
from cellclass.contract._missing_genes import SHARES, MissingGenes, with_fewer_genes
from cellclass.contract._scale import Scale, identify_scale

__all__ = [
    "SHARES",
    "BoundInput",
    "Expression",
    "InputContract",
    "MissingGenes",
    "Scale",
    "check_input",
    "identify_scale",
    "with_fewer_genes",
]
