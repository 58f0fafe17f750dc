"""The one gene lookup: which gene of a reference each gene of a query is, and how it is known.

The rules are applied in order of trust. A gene of the reference that two query genes claim by the
same rule is given to neither, and so is one that a name claims against the Ensembl identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from cellclass.contract._aliases import AliasTable, check_aliases
from cellclass.contract._gene_forms import same_but_for_case, without_version

if TYPE_CHECKING:
    from cellclass.contract._aliases import GeneAliases
    from cellclass.contract._gene_names import GeneNames

#: The rules in order of trust, and what a gene without a match is.
RULES: Final = ("exact", "spaces", "version", "case", "column", "alias")
AMBIGUOUS: Final = len(RULES)
EXTRA: Final = len(RULES) + 1
OUTCOMES: Final = (*RULES, "ambiguous", "extra")

_NONE, _SEVERAL = -1, -2


@dataclass(frozen=True)
class GeneLookup:
    """Each query gene in terms of a reference.

    Attributes
    ----------
    query, reference
        The names of both.
    place
        Place in the reference, or -1, int64 `(n_query,)`; none occurs twice.
    outcome
        Place in `OUTCOMES`: the rule that found it, or why there is none, int8 `(n_query,)`.
    """

    query: GeneNames
    reference: GeneNames
    place: np.ndarray
    outcome: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Places of the reference's genes that the query does not have, increasing."""
        absent = np.ones(len(self.reference.names), dtype=bool)
        absent[self.place[self.place >= 0]] = False
        return np.flatnonzero(absent)


def look_up_genes(
    query: GeneNames, reference: GeneNames, aliases: GeneAliases | None = None
) -> GeneLookup:
    """Find each query gene in the reference.

    In this order: the same name; the same without blanks around it; the same Ensembl identifier
    in another version; the same but for upper and lower case, where that is not the difference
    between two organisms; the same Ensembl identifier or symbol in a column of `var`; the same
    gene by the alias table.

    Parameters
    ----------
    query, reference
        Names of the genes; those of an index are unique.
    aliases
        Old and current names.
    """
    if aliases is not None:
        check_aliases(aliases)
    state = _State(query, reference)
    state.settle("exact", _places(query.names, reference.names))
    if state.is_done:
        return state.result()
    ours, theirs = _stripped(query.names), _stripped(reference.names)
    state.settle("spaces", _places(ours, theirs))
    ours, theirs = _bare(ours), _bare(theirs)
    state.settle("version", _places(ours, theirs))
    folded = _places(ours.str.upper(), theirs.str.upper())
    folded[state.outcome != EXTRA] = _NONE
    folded[(folded >= 0) & ~same_but_for_case(ours, theirs, folded)] = _NONE
    state.settle("case", folded)
    symbols = _by_symbols([ours, *query.symbols.values()], [theirs, *reference.symbols.values()])
    found = np.where(state.by_identifier == _NONE, symbols, state.by_identifier)
    state.settle("column", found)
    if aliases is not None:
        wanted, free = state.outcome == EXTRA, state.owner != RULES.index("exact")
        state.settle("alias", AliasTable.of(aliases).claims(query, reference, wanted, free))
    return state.result()


class _State:
    """What has been settled so far."""

    def __init__(self, query: GeneNames, reference: GeneNames) -> None:
        self.query, self.reference = query, reference
        self.place = np.full(len(query.names), _NONE, dtype=np.int64)
        self.outcome = np.full(len(query.names), EXTRA, dtype=np.int8)
        # The rule by which a gene of the reference is claimed.
        self.owner = np.full(len(reference.names), EXTRA, dtype=np.int8)
        self.by_identifier = self.place.copy()
        self._ids: tuple[np.ndarray, np.ndarray] | None = None
        if query.ids or reference.ids:  # else the names are all that there is to compare
            ours, theirs = query.identifiers, reference.identifiers
            self._ids = ours.to_numpy(), theirs.to_numpy()
            self.by_identifier = _places(ours, theirs)
            self._is_held = _places(theirs, ours) != _NONE

    @property
    def is_done(self) -> bool:
        return bool((self.outcome != EXTRA).all() or (self.owner != EXTRA).all())

    def settle(self, rule: str, claim: np.ndarray) -> None:
        """Give each gene of the reference to the query gene that alone claims it."""
        code = RULES.index(rule)
        claim = np.where(self.outcome == EXTRA, claim, _NONE)
        several = claim == _SEVERAL
        genes = np.flatnonzero(claim >= 0)
        target = claim[genes]
        owner = self.owner[target]
        refuted = self._refuted(genes, target)
        fresh = (owner == EXTRA) & ~refuted
        n_claims = np.bincount(target[fresh], minlength=len(self.owner))
        alone = fresh & (n_claims[target] == 1)
        self.place[genes[alone]] = target[alone]
        self.outcome[genes[alone]] = code
        self.owner[target[fresh]] = code
        # What has the gene's exact name is that gene: the other is simply another one.
        lost = ~alone & (refuted | (owner != RULES.index("exact")))
        self.outcome[genes[lost]] = AMBIGUOUS
        self.outcome[several] = AMBIGUOUS

    def _refuted(self, genes: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Tell where Ensembl identifiers speak against a name.

        Both genes have one, they differ, and one of them is that of another gene at hand; where
        it is not, the gene has been given a new identifier.
        """
        if self._ids is None:
            return np.zeros(len(genes), dtype=bool)
        ours, theirs = self._ids[0][genes], self._ids[1][target]
        differ = (ours != "") & (theirs != "") & (ours != theirs)
        return differ & ((self.by_identifier[genes] != _NONE) | self._is_held[target])

    def result(self) -> GeneLookup:
        return GeneLookup(self.query, self.reference, self.place, self.outcome)


def _by_symbols(query: list[pd.Index], reference: list[pd.Index]) -> np.ndarray:
    """Match the columns of one side with those of the other; -2 where they do not agree."""
    place = np.full(len(query[0]), _NONE, dtype=np.int64)
    for i, ours in enumerate(query):
        for j, theirs in enumerate(reference):
            if i or j:  # the names themselves have been compared
                found = _places(ours, theirs)
                other = (place != _NONE) & (found != _NONE) & (place != found)
                place = np.where(found == _NONE, place, np.where(other, _SEVERAL, found))
    return place


def _places(names: pd.Index, reference: pd.Index) -> np.ndarray:
    """Place of each name in the reference; -1 where it is not there or blank, -2 where twice."""
    if reference.is_unique:
        place = reference.get_indexer(names)
    else:
        repeated = reference.duplicated(keep=False)
        place = np.flatnonzero(~repeated)
        place = np.append(place, _NONE)[reference[~repeated].get_indexer(names)]
        place[np.asarray(names.isin(reference[repeated]))] = _SEVERAL
    place = np.asarray(place, dtype=np.int64)
    place[np.asarray(names == "")] = _NONE
    return place


def _stripped(names: pd.Index) -> pd.Index:
    return pd.Index([name.strip() for name in names], dtype=object)


def _bare(names: pd.Index) -> pd.Index:
    return pd.Index([without_version(name) for name in names], dtype=object)
