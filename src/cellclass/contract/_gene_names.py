"""The names of a dataset's genes: those of the index, and further ones beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype, is_string_dtype

from cellclass.contract._gene_forms import (
    SAMPLE,
    are_symbols,
    gene_namespace,
    identifier,
    is_ensembl,
    organism,
    sample,
    texts,
)

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class GeneNames:
    """What the genes of a reference or of a query are called.

    Attributes
    ----------
    names
        The names by which the matrix is indexed, text, `(n_genes,)`.
    ids
        Ensembl identifiers by the column that they stand in, `""` for none, `(n_genes,)` each.
    symbols
        The same for symbols.
    """

    names: pd.Index
    ids: dict[str, pd.Index] = field(default_factory=dict)
    symbols: dict[str, pd.Index] = field(default_factory=dict)

    @cached_property
    def identifiers(self) -> pd.Index:
        """The Ensembl identifier of each gene, `""` where there is none or columns disagree."""
        found = np.array(list(map(identifier, self.names)), dtype=object)
        disagree = np.zeros(len(found), dtype=bool)
        for column in self.ids.values():
            other = np.array(list(map(identifier, column)), dtype=object)
            disagree |= (found != "") & (other != "") & (found != other)
            found = np.where(found == "", other, found)
        found[disagree] = ""
        return pd.Index(found, dtype=object)

    @cached_property
    def organism(self) -> str:
        """The organism that the Ensembl identifiers are of; `""` where there are none."""
        columns = [self.names, *self.ids.values()]
        return organism(name for column in columns for name in sample(column))

    @property
    def others(self) -> pd.Index | None:
        """Names in the namespace that the index is not in, to be kept with a model."""
        in_ids = gene_namespace(self.names) == "ensembl"
        columns = self.symbols if in_ids else self.ids or self.symbols
        return max(columns.values(), key=lambda column: (column != "").sum(), default=None)


def gene_names_of(adata: AnnData) -> GeneNames:
    """Find the names of the genes of an AnnData, by what the columns of `var` hold.

    Beside Ensembl identifiers, columns of symbols are names of the same genes; beside symbols,
    columns of Ensembl identifiers are. A further column of symbols beside symbols may well name
    other genes (neighbours, orthologues) and is left alone.
    """
    names = pd.Index(texts(adata.var_names), dtype=object)
    own_symbols = are_symbols(names)
    ids, symbols = {}, {}
    for column in adata.var.columns:
        some = sample(_texts_of(adata.var[column].iloc[:: max(1, adata.n_vars // SAMPLE)]))
        if some and 10 * sum(map(is_ensembl, some)) > 9 * len(some):
            ids[str(column)] = pd.Index(_texts_of(adata.var[column]), dtype=object)
        elif not own_symbols and are_symbols(some):
            symbols[str(column)] = pd.Index(_texts_of(adata.var[column]), dtype=object)
    return GeneNames(names, ids, symbols)


def names_beside(names: pd.Index, others: pd.Index | None) -> GeneNames:
    """Put together the names that a saved model knows."""
    names = pd.Index(texts(names), dtype=object)
    if others is None:
        return GeneNames(names)
    others = pd.Index(texts(others), dtype=object)
    if gene_namespace(others) == "ensembl":
        return GeneNames(names, ids={"": others})
    return GeneNames(names, symbols={"": others})


def _texts_of(column: pd.Series) -> list[str]:
    """Return the texts of a column of `var` without blanks around them; none for numbers."""
    by_category = isinstance(column.dtype, pd.CategoricalDtype)
    kind = column.cat.categories if by_category else column
    if not (is_object_dtype(kind) or is_string_dtype(kind)):
        return []
    return [value.strip() for value in texts(column)]
