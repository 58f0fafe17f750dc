"""What is remembered of each reference, and whether references fit together."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key, listed
from cellclass._warn import warn
from cellclass.contract import Scale, check_input, propose_merges
from cellclass.contract._genes import gene_namespace
from cellclass.errors import GeneError, ScaleError, ValuesError
from cellclass.io._reference import column_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellclass.io._reference import Reference

_SUM_TOLERANCE = 0.01
# Below this share of the smallest reference the genes that are left out are spoken of.
_MOST_SHARED = 0.9
_MOST_LISTED = 5


@dataclass(frozen=True)
class Summary:
    """A reference without its matrix.

    Attributes
    ----------
    name, where
        As of the reference.
    place
        Where its expression stands in the AnnData, for messages.
    genes, cells
        Their names.
    scale
        The scale of the expression.
    dtype
        The type of its values.
    labels
        Cells of each label.
    kinds
        What each column of `obs` holds, by the names that the columns have in the end.
    namespace
        How the genes are named.
    other_names
        A column of `var` for each other way in which it names the genes.
    """

    name: str
    where: str
    place: str
    genes: pd.Index
    cells: pd.Index
    scale: Scale
    dtype: np.dtype
    labels: dict[str, int]
    kinds: dict[str, str]
    namespace: str
    other_names: dict[str, str]


def summarize(reference: Reference, *, labels_key: str, key_added: str, batch_key: str) -> Summary:
    """Check a reference by itself.

    Raises
    ------
    KeyError, ValueError
        The labels are missing, or a column of a name to be written is there already.
    ScaleError, ValuesError, GeneError
        The expression cannot be used.
    """
    obs, who = reference.adata.obs, f"Reference {reference.name!r} ({reference.where})"
    try:
        check_obs_key(reference.adata, labels_key, "labels_key")
        scale = check_input(reference.adata, layer=reference.layer)
    except KeyError as error:
        raise KeyError(f"{who}: {error.args[0]}") from error
    except (ScaleError, GeneError, ValuesError, ValueError) as error:
        raise type(error)(f"{who}: {error}") from error
    for column, argument in ((batch_key, "batch_key"), (key_added, "key_added")):
        if column in obs.columns and column != labels_key:
            raise ValueError(
                f"{who} has obs[{column!r}] already, which would be overwritten. Choose another "
                f"{argument}, or rename the column."
            )
    labels = obs[labels_key].dropna().astype(str).value_counts()
    return Summary(
        name=reference.name,
        where=reference.where,
        place="X" if reference.layer is None else f"layers[{reference.layer!r}]",
        # the same text is kept once, however many files have it
        genes=pd.Index([sys.intern(str(name)) for name in reference.adata.var_names]),
        cells=pd.Index(reference.adata.obs_names.astype(str)),
        scale=scale,
        dtype=reference.dtype,
        labels={str(label): int(n_cells) for label, n_cells in labels.items()},
        kinds={str(name): column_kind(obs[name]) for name in obs.columns if name != labels_key},
        namespace=gene_namespace(reference.adata.var_names),
        other_names=_other_names(reference.adata.var),
    )


def _other_names(var: pd.DataFrame) -> dict[str, str]:
    """Return the columns of `var` that name genes, by the kind of names."""
    found: dict[str, str] = {}
    for column in var.columns:
        values = var[column]
        if column_kind(values) == "text" and 2 * values.nunique() > len(var):
            found.setdefault(gene_namespace(pd.Index(values.astype(str))), str(column))
    return found


def check_scales(summaries: Sequence[Summary]) -> None:
    """Refuse references whose expression is not on one scale."""
    first = summaries[0]
    for other in summaries[1:]:
        if not _same_scale(first.scale, other.scale):
            raise ScaleError(
                f"The references are on different scales: {first.name!r} ({first.where}) has "
                f"{_scale(first)}, {other.name!r} ({other.where}) has {_scale(other)}. Name where "
                'each has its counts, such as layer={"first": "counts", "second": None}, or bring '
                "them to one scale before."
            )


def _same_scale(one: Scale, other: Scale) -> bool:
    if (one.name, one.base, one.offset) != (other.name, other.base, other.offset):
        return False
    if one.name == "counts":
        return True
    sums = (one.target_sum, other.target_sum)
    if None in sums:  # nobody knows by what cells were divided, unless it was by nothing
        return sums == (None, None) and one.of_counts == other.of_counts
    return bool(np.isclose(*sums, rtol=_SUM_TOLERANCE))  # type: ignore[arg-type]


def _scale(summary: Summary) -> str:
    return f"{summary.scale} in {summary.place}"


def check_namespaces(summaries: Sequence[Summary]) -> None:
    """Refuse references that name genes in different ways, and name those that differ."""
    common = Counter(summary.namespace for summary in summaries).most_common(1)[0][0]
    usual = next(summary for summary in summaries if summary.namespace == common)
    words = {"ensembl": "Ensembl identifiers", "symbol": "gene symbols"}
    for summary in summaries:
        if summary.namespace == common:
            continue
        column = summary.other_names.get(common)
        fix = (
            f"set its adata.var_names to {words[common]}, which no column of its var holds"
            if column is None
            else f"set its adata.var_names = adata.var[{column!r}]"
        )
        raise GeneError(
            f"Reference {summary.name!r} ({summary.where}) names genes by "
            f"{words[summary.namespace]}, such as {summary.genes[0]!r}, and {usual.name!r} "
            f"({usual.where}) by {words[common]}, such as {usual.genes[0]!r}. For "
            f"{summary.name!r}, {fix}."
        )


def check_genes(summaries: Sequence[Summary], join: Literal["inner", "outer"]) -> None:
    """Warn of genes that a join leaves out, or fills with 0.

    Raises
    ------
    GeneError
        The references have no gene in common.
    """
    shared = reduce(lambda one, other: one.intersection(other, sort=False), _genes(summaries))
    smallest = min(summaries, key=lambda summary: len(summary.genes))
    advice = ""
    if 2 * len(shared) < len(smallest.genes):
        folded = reduce(set.intersection, (set(genes.str.upper()) for genes in _genes(summaries)))
        if len(folded) > 2 * len(shared):
            advice = (
                f" {len(folded)} names are equal but for upper and lower case: if the organism is "
                "the same, bring them to one case, adata.var_names = adata.var_names.str.upper()."
            )
    if len(shared) == 0:
        raise GeneError(
            f"The {len(summaries)} references have no gene in common, such as "
            f"{', '.join(repr(s.genes[0]) for s in summaries[:_MOST_LISTED])}.{advice}"
        )
    if join == "inner":
        if len(shared) < _MOST_SHARED * len(smallest.genes):
            warn(
                f"The references share {len(shared)} genes, "
                f"{len(shared) / len(smallest.genes):.0%} of the {len(smallest.genes)} of "
                f"{smallest.name!r}; the others are left out. If the same genes have other names "
                "there, cc.pp.align_genes(adata, reference, subset=True) brings them to one."
                f"{advice}"
            )
        return
    every = reduce(lambda one, other: one.union(other), _genes(summaries))
    lacking = [
        (1 - len(s.genes) / len(every), s.name) for s in summaries if len(s.genes) < len(every)
    ]
    if lacking:
        shares = [f"{name!r} {share:.1%}" for share, name in sorted(lacking, reverse=True)]
        warn(
            f"{len(lacking)} of the references lack some of the {len(every)} genes, which are "
            f"filled with 0 and then read as not expressed: {listed(shares, _MOST_LISTED)}"
            f'. With join="inner" only the '
            f"{len(shared)} genes that all have are kept.{advice}",
        )


def _genes(summaries: Sequence[Summary]) -> list[pd.Index]:
    """Return each list of genes once, in the order of the references."""
    unique: list[pd.Index] = []
    for summary in summaries:
        if not any(summary.genes.equals(genes) for genes in unique):
            unique.append(summary.genes)
    return unique


def doubt_labels(summaries: Sequence[Summary]) -> None:
    """Warn of labels that look like one name in several spellings, and of bare numbers."""
    found = propose_merges({summary.name: summary.labels for summary in summaries})
    if found:
        texts = [f"{row.label!r} ({row.reference}) → {row.proposed!r}" for row in found]
        warn(
            f"{len(found)} label(s) look like others in another spelling, or like missing values: "
            f"{listed(texts, _MOST_LISTED)}. They "
            "are kept as they are: see what cc.pp.harmonize_labels proposes for the result.",
        )
    numbers = [{label for label in summary.labels if label.isdecimal()} for summary in summaries]
    twice = [
        number for number, count in Counter(n for s in numbers for n in s).items() if count > 1
    ]
    if twice:
        warn(
            f"{len(twice)} label(s) are bare numbers in several references, such as "
            f"{min(twice)!r}. If they number clusters, the same number means different cells: "
            "name them first."
        )


def agree(agreed: pd.DataFrame | None, var: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `var` that all references so far have and that no two contradict.

    Parameters
    ----------
    agreed
        What this function returned for the references before; `None` for the first.
    var
        Columns of the next reference.
    """
    var = var.set_axis(var.index.astype(str)).rename_axis(None).astype(object)
    if agreed is None:
        return var
    shared = agreed.index.intersection(var.index, sort=False)
    here, there = agreed.loc[shared], var.loc[shared]
    same = [name for name in here if name in there and _equal(here[name], there[name])]
    new = var.index.difference(agreed.index, sort=False)
    return pd.concat([agreed[same], var.loc[new, same]]) if len(new) else agreed[same]


def _equal(one: pd.Series, other: pd.Series) -> bool:
    return bool(((one == other) | (one.isna() & other.isna())).all())


def finish_var(agreed: pd.DataFrame, genes: pd.Index) -> pd.DataFrame:
    """Return columns that were agreed upon for the genes of the result, in types for a file."""
    var = agreed.reindex(genes).infer_objects()
    texts = [name for name in var if column_kind(var[name]) == "text"]
    columns = {name: var[name].map(str, na_action="ignore") for name in texts}
    return var.assign(
        **{
            name: column.astype("category") if column.isna().any() else column
            for name, column in columns.items()
        }
    )
