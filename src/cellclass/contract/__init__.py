"""What a model expects of its input, and how any AnnData is brought there or refused.

`InputContract`
    Genes, scale and labels that a model was trained on; `learn` and `bind`.
`check_input`
    The checks that need no model yet, for a reference.
`BoundInput`
    A query that has passed; `read` gives the model's input.
`Scale`, `identify_scale`, `require_convertible`
    Which scale a matrix is on, from all of its rows; refusal of what cannot be undone.
`convert`, `Target`
    A whole matrix brought to another scale.
`locate`, `Source`
    Where in an AnnData the expression stands.
"""

from cellclass.contract._bound import BoundInput
from cellclass.contract._contract import Expression, InputContract, check_input
from cellclass.contract._convert import Target, convert
from cellclass.contract._refusal import require_convertible
from cellclass.contract._scale import Scale, identify_scale
from cellclass.contract._source import Source, locate

__all__ = [
    "BoundInput",
    "Expression",
    "InputContract",
    "Scale",
    "Source",
    "Target",
    "check_input",
    "convert",
    "identify_scale",
    "locate",
    "require_convertible",
]
