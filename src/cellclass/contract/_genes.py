"""Which of the genes that a model reads a query has, and what to say when they are too few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass.contract._gene_forms import are_numbers, are_other_organisms, gene_namespace
from cellclass.contract._gene_lookup import AMBIGUOUS, EXTRA, look_up_genes
from cellclass.errors import GeneError

if TYPE_CHECKING:
    import pandas as pd

    from cellclass.contract._aliases import GeneAliases
    from cellclass.contract._gene_lookup import GeneLookup
    from cellclass.contract._gene_names import GeneNames


@dataclass(frozen=True)
class GeneMatch:
    """The query's genes in terms of the model's.

    Attributes
    ----------
    known
        Per query gene, whether the reference had it, `(n_query_genes,)`.
    position
        Per query gene, its place among the selected genes, or -1, `(n_query_genes,)`.
    missing
        Places of the selected genes that the query does not have, increasing.
    share
        Share (0–1) of a reference cell's counts that falls on the known genes.
    missing_share
        Share (0–1) of the selected genes' JS divergence that is missing.
    n_extra
        Query genes that the reference did not have.
    lookup
        By which rule each gene was found.
    """

    known: np.ndarray
    position: np.ndarray
    missing: np.ndarray
    share: float
    missing_share: float
    n_extra: int
    lookup: GeneLookup


def match_genes(
    genes: GeneNames,
    selected: np.ndarray,
    query: GeneNames,
    *,
    importance: np.ndarray,
    gene_share: np.ndarray,
    aliases: GeneAliases | None = None,
) -> GeneMatch:
    """Match a query's genes with the reference's.

    Parameters
    ----------
    genes
        Names of all genes of the reference, `(n_genes,)`.
    selected
        Places in `genes` of the genes that the model reads, `(n_selected,)`.
    query
        Names of the query's genes, in any order.
    importance
        JS divergence of the selected genes (nats), `(n_selected,)`.
    gene_share
        Mean share (0–1) of a reference cell's counts per gene, `(n_genes,)`.
    aliases
        Old and current names of genes.
    """
    lookup = look_up_genes(query, genes, aliases)
    place = lookup.place
    known = place >= 0
    slot = np.full(len(genes.names), -1, dtype=np.int64)
    slot[selected] = np.arange(len(selected))
    position = np.where(known, slot[place], -1)
    present = np.zeros(len(selected), dtype=bool)
    present[position[position >= 0]] = True
    missing = np.flatnonzero(~present)
    complete = int(known.sum()) == len(genes.names)
    return GeneMatch(
        known=known,
        position=position,
        missing=missing,
        share=1.0 if complete else float(gene_share[place[known]].sum()),
        missing_share=missing_importance(importance, missing),
        n_extra=int((lookup.outcome >= AMBIGUOUS).sum()),
        lookup=lookup,
    )


def missing_importance(importance: np.ndarray, missing: np.ndarray) -> float:
    """Share (0–1) of the genes' importance that the missing ones carry."""
    weight = float(importance.sum())
    return float(importance[missing].sum()) / weight if weight else 0.0


def refuse_poor_match(match: GeneMatch, selected: np.ndarray, *, floor: float) -> None:
    """Raise when the genes at hand carry less than `floor` of the model's divergence."""
    if 1 - match.missing_share >= floor and match.missing.size < len(selected):
        return
    n_found = len(selected) - match.missing.size
    raise GeneError(
        f"The query has {n_found} of the {len(selected)} genes that the model reads; they carry "
        f"{1 - match.missing_share:.0%} of what tells the labels apart, and at least {floor:.0%} "
        f"is needed. {explain_mismatch(match.lookup, selected)}"
    )


def organisms_differ(lookup: GeneLookup) -> str:
    """Say of which two organisms the genes are; `""` where nothing speaks for two."""
    query, reference = lookup.query, lookup.reference
    if query.organism and reference.organism and query.organism != reference.organism:
        return (
            f"the identifiers of the query are those of {query.organism}, and those of the "
            f"reference of {reference.organism}"
        )
    ours, theirs = _symbols(query), _symbols(reference)
    if ours is None or theirs is None or not are_other_organisms(ours, theirs):
        return ""
    return (
        "the symbols differ in upper and lower case as those of two organisms do (CD3D is a human "
        "gene, Cd3d one of the mouse or rat, cd3d one of a fish)"
    )


def doubts_of(lookup: GeneLookup) -> list[str]:
    """Say what makes genes that were matched questionable all the same, for warnings."""
    doubts = []
    if organisms := organisms_differ(lookup):
        doubts.append(
            f"The query seems to be of another organism than the reference: {organisms}. What "
            "was matched, was matched by a column of query.var, by the alias table or by equal "
            "names: it is worth as much as those are for orthologues."
        )
    if are_numbers(lookup.reference.names) and (lookup.outcome == 0).any():
        doubts.append(
            "Genes are matched by number, as the reference has numbers for names: that is right "
            "only if both files number their genes alike. Name the genes of the reference, in its "
            "var_names."
        )
    return doubts


def explain_mismatch(lookup: GeneLookup, selected: np.ndarray | None = None) -> str:
    """Say why the query's genes are not those of the reference, and what to do."""
    query, genes = lookup.query.names, lookup.reference.names
    if not len(genes):
        return "The reference has no genes: check the filter that made it."
    expected = genes if selected is None else genes[selected]
    example = f"The reference knows {expected[0]!r}, the query has {query[0]!r}"
    organisms = organisms_differ(lookup)
    ours, theirs = gene_namespace(genes), gene_namespace(query)
    if organisms:
        return f"{example}: {organisms}. {_across(expected, query, by_case=ours == theirs)}"
    if ours != theirs:
        words = {"ensembl": "Ensembl identifiers", "symbol": "gene symbols"}
        return (
            f"{example}: the reference has {words[ours]}, the query has {words[theirs]}, and no "
            "column of query.var has the others. Add such a column, under any name; set "
            "query.var_names to the reference's kind; or pass a table that knows both: "
            "gene_aliases=cc.datasets.hgnc_symbols() for human genes."
        )
    if are_numbers(query) != are_numbers(genes):
        return f"{example}: numbers name no genes. Set query.var_names to the genes' names."
    n_ambiguous = int((lookup.outcome == AMBIGUOUS).sum())
    if 2 * n_ambiguous > int((lookup.outcome != EXTRA).sum()):
        return (
            f"{example}: {n_ambiguous} names could be several genes, such as "
            f"{query[lookup.outcome == AMBIGUOUS][0]!r}, or are those of another gene by their "
            "Ensembl identifier. Give each gene one name, in query.var_names."
        )
    return (
        f"{example}: check that the query's var_names are genes of the same organism. If the genes "
        "have been renamed since, pass a table of old and current names: gene_aliases=…."
    )


def _across(expected: pd.Index, query: pd.Index, *, by_case: bool) -> str:
    other = "Use a model of the query's organism, or rename its genes to their orthologues"
    folded = set(query.str.upper())
    n_folded = sum(name.upper() in folded for name in expected)
    if not by_case or 2 * n_folded <= len(expected):
        return f"{other}: query.var_names = …."
    names = set(expected)
    ways = ("upper", "capitalize", "lower")
    way = max(ways, key=lambda way: len(names.intersection(getattr(query.str, way)())))
    return (
        f"{other}. {n_folded} names differ only in upper and lower case; if it is right to take "
        f"them for the same genes, say so: query.var_names = query.var_names.str.{way}()."
    )


def _symbols(genes: GeneNames) -> pd.Index | None:
    if gene_namespace(genes.names) == "symbol":
        return genes.names
    return next(iter(genes.symbols.values()), None)
