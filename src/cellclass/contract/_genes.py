"""Which of the genes that a model expects a query has, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellclass.errors import GeneError

if TYPE_CHECKING:
    import pandas as pd

_ENSEMBL = re.compile(r"ENS[A-Z]{0,6}G\d{6,}(\.\d+)?$")
_VERSION = re.compile(r"\.\d+$")

Namespace = Literal["ensembl", "symbol"]


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
    """

    known: np.ndarray
    position: np.ndarray
    missing: np.ndarray
    share: float
    missing_share: float
    n_extra: int


def gene_namespace(names: pd.Index) -> Namespace:
    """Tell Ensembl identifiers from symbols by the form of the names."""
    sample = [str(name) for name in names[:: max(1, len(names) // 200)]]
    n_ensembl = sum(_ENSEMBL.match(name) is not None for name in sample)
    return "ensembl" if 2 * n_ensembl > len(sample) else "symbol"


def match_genes(
    genes: pd.Index,
    selected: np.ndarray,
    query: pd.Index,
    *,
    importance: np.ndarray,
    gene_share: np.ndarray,
) -> GeneMatch:
    """Match a query's genes with the reference's by exact name.

    Parameters
    ----------
    genes
        All gene names of the reference, `(n_genes,)`.
    selected
        Places in `genes` of the genes that the model reads, `(n_selected,)`.
    query
        Unique gene names of the query, in any order.
    importance
        JS divergence of the selected genes (nats), `(n_selected,)`.
    gene_share
        Mean share (0–1) of a reference cell's counts per gene, `(n_genes,)`.
    """
    place = genes.get_indexer(query)
    known = place >= 0
    slot = np.full(len(genes), -1, dtype=np.int64)
    slot[selected] = np.arange(len(selected))
    position = np.where(known, slot[place], -1)
    present = np.zeros(len(selected), dtype=bool)
    present[position[position >= 0]] = True
    missing = np.flatnonzero(~present)
    complete = int(known.sum()) == len(genes)
    weight = float(importance.sum())
    return GeneMatch(
        known=known,
        position=position,
        missing=missing,
        share=1.0 if complete else float(gene_share[place[known]].sum()),
        missing_share=float(importance[missing].sum()) / weight if weight else 0.0,
        n_extra=int((~known).sum()),
    )


def refuse_poor_match(
    match: GeneMatch, genes: pd.Index, selected: np.ndarray, query: pd.Index, *, floor: float
) -> None:
    """Raise when the genes at hand carry less than `floor` of the model's divergence."""
    if 1 - match.missing_share >= floor and match.missing.size < len(selected):
        return
    n_found = len(selected) - match.missing.size
    raise GeneError(
        f"The query has {n_found} of the {len(selected)} genes that the model reads; they carry "
        f"{1 - match.missing_share:.0%} of what tells the labels apart, and at least {floor:.0%} "
        f"is needed. {_explain(genes, selected, query)}"
    )


def _explain(genes: pd.Index, selected: np.ndarray, query: pd.Index) -> str:
    expected = genes[selected]
    example = f"The model knows {expected[0]!r}, the query has {query[0]!r}"
    ours, theirs = gene_namespace(genes), gene_namespace(query)
    if ours != theirs:
        words = {"ensembl": "Ensembl identifiers", "symbol": "gene symbols"}
        return (
            f"{example}: the model was trained on {words[ours]}, the query has {words[theirs]}. "
            "Set query.var_names to the column of query.var that holds the model's kind."
        )
    texts = query.astype(str)
    bare = set(texts.str.replace(_VERSION, "", regex=True))
    n_bare = sum(_VERSION.sub("", str(name)) in bare for name in expected)
    if ours == "ensembl" and 2 * n_bare > len(expected):
        return (
            f"{example}: {n_bare} identifiers differ only in the version after the dot. Use names "
            "without versions in the query, and in the reference if it has them: query.var_names "
            '= query.var_names.str.replace(r"[.][0-9]+$", "", regex=True).'
        )
    folded = set(texts.str.upper())
    n_folded = sum(str(name).upper() in folded for name in expected)
    if 2 * n_folded > len(expected):
        names = set(expected.astype(str))
        ways = ("upper", "capitalize", "lower")
        way = max(ways, key=lambda way: len(names.intersection(getattr(texts.str, way)())))
        return (
            f"{example}: {n_folded} names differ only in upper and lower case (another species, "
            "or another spelling). If the genes are the same, rename them: "
            f"query.var_names = query.var_names.str.{way}()."
        )
    return f"{example}: check that the query's var_names are genes of the same organism."
