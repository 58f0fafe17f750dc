"""What is said of a gene lookup, in types that an `.h5ad` file can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass.contract._gene_lookup import AMBIGUOUS, OUTCOMES, RULES

if TYPE_CHECKING:
    from cellclass.contract._gene_lookup import GeneLookup


def gene_report(lookup: GeneLookup, among: np.ndarray | None = None) -> dict[str, Any]:
    """Count the genes by rule, and name those that were renamed or are ambiguous.

    Parameters
    ----------
    lookup
        What was found.
    among
        Query genes whose renaming is listed, bool `(n_query,)`; `None` for all.

    Returns
    -------
    `n_genes_by_rule`
        Query genes by the rule that found them.
    `genes_renamed`
        Data frame of the genes found by another rule than `exact`: name in the `query`, name in
        the `reference`, `rule`.
    `n_genes_ambiguous`, `genes_ambiguous`
        How many, and which of the query's names, could not be settled.
    `organism_query`, `organism_reference`
        By the Ensembl identifiers; empty where there are none.
    """
    listed = (lookup.place >= 0) & (lookup.outcome > 0)
    if among is not None:
        listed &= among
    ambiguous = lookup.query.names[lookup.outcome == AMBIGUOUS]
    return {
        "n_genes_by_rule": {
            rule: int((lookup.outcome == code).sum()) for code, rule in enumerate(RULES)
        },
        "genes_renamed": pd.DataFrame(
            {
                "query": np.asarray(lookup.query.names[listed], dtype=object),
                "reference": np.asarray(lookup.reference.names[lookup.place[listed]], dtype=object),
                "rule": np.asarray(OUTCOMES, dtype=object)[lookup.outcome[listed]],
            },
            index=pd.RangeIndex(int(listed.sum())).astype(str),
        ),
        "n_genes_ambiguous": len(ambiguous),
        "genes_ambiguous": np.asarray(ambiguous, dtype=object),
        "organism_query": lookup.query.organism,
        "organism_reference": lookup.reference.organism,
    }
