"""What a model expects of its input, and how any AnnData is brought there or refused.

`InputContract`
    Genes, scale and labels that a model was trained on; `learn` and `bind`.
`check_input`
    The checks that need no model yet, for a reference.
`BoundInput`
    A query that has passed; `read` gives the model's input.
`ReadCells`
    Some cells of it.
`ProteinContract`, `BoundProteins`
    The same for surface proteins beside the RNA: names, scale, and the cells of a query.
`MissingGenes`, `Expected`, `with_fewer_genes`, `SHARES`
    What missing genes cost, and the input with ever fewer genes to measure it on.
`GeneNames`, `gene_names_of`, `names_beside`, `look_up_genes`, `GeneLookup`
    What genes are called, and which of one AnnData are which of another.
`Scale`, `identify_scale`, `require_convertible`
    Which scale a matrix is on, from all of its rows; refusal of what cannot be undone.
`convert`, `Target`
    A whole matrix brought to another scale.
`linear_rows`
    Its rows as counts times a factor, or as normalised counts, some at a time.
`stored_values`, `stacked_like`
    The values of such rows one after the other, and rows put together again.
`ahead`
    Items that a thread makes while the last one is used.
`locate`, `Source`
    Where in an AnnData the expression stands.
`Proposal`, `Synonym`, `name_key`, `propose_merges`
    Which labels of some references are one name in several spellings.
"""

from cellclass.contract._ahead import ahead
from cellclass.contract._aliases import GeneAliases
from cellclass.contract._bound import BoundInput, ReadCells
from cellclass.contract._contract import Expression, InputContract, check_input
from cellclass.contract._convert import Target, convert
from cellclass.contract._gene_lookup import OUTCOMES, GeneLookup, look_up_genes
from cellclass.contract._gene_names import GeneNames, gene_names_of, names_beside
from cellclass.contract._gene_report import gene_report
from cellclass.contract._genes import doubts_of, explain_mismatch, missing_importance
from cellclass.contract._label_names import name_key
from cellclass.contract._label_proposals import MIN_SCORE, Proposal, Synonym, propose_merges
from cellclass.contract._linear_rows import linear_rows
from cellclass.contract._missing_genes import SHARES, Expected, MissingGenes, with_fewer_genes
from cellclass.contract._proteins import BoundProteins, ProteinContract
from cellclass.contract._refusal import require_convertible
from cellclass.contract._rows import stacked_like, stored_values
from cellclass.contract._scale import Scale, identify_scale
from cellclass.contract._source import Source, locate

__all__ = [
    "MIN_SCORE",
    "OUTCOMES",
    "SHARES",
    "BoundInput",
    "BoundProteins",
    "Expected",
    "Expression",
    "GeneAliases",
    "GeneLookup",
    "GeneNames",
    "InputContract",
    "MissingGenes",
    "Proposal",
    "ProteinContract",
    "ReadCells",
    "Scale",
    "Source",
    "Synonym",
    "Target",
    "ahead",
    "check_input",
    "convert",
    "doubts_of",
    "explain_mismatch",
    "gene_names_of",
    "gene_report",
    "identify_scale",
    "linear_rows",
    "locate",
    "look_up_genes",
    "missing_importance",
    "name_key",
    "names_beside",
    "propose_merges",
    "require_convertible",
    "stacked_like",
    "stored_values",
    "with_fewer_genes",
]
