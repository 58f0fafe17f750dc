"""Propose one spelling for each label, and write it where the caller says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import pandas as pd
from anndata import AnnData

from cellclass._checks import check_obs_key
from cellclass._keys import original_key
from cellclass.contract import MIN_SCORE, Proposal, Synonym, name_key, propose_merges
from cellclass.errors import LabelError
from cellclass.pp._label_hierarchy import check_tree
from cellclass.pp._merged_labels import (
    check_original,
    merged,
    merges_of,
    warn_of_merged,
    write_merged,
)
from cellclass.pp._ontology import read_obo_synonyms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

_COLUMNS = list(Proposal.__dataclass_fields__)
_APPLIED = ["reference", "label", "proposed", "n_cells"]


def harmonize_labels(
    adata: AnnData | Sequence[AnnData] | Mapping[str, AnnData],
    labels_key: str | Sequence[str] | Mapping[str, str],
    *,
    synonyms: Mapping[str, str] | pd.DataFrame | None = None,
    ontology: str | PathLike[str] | None = None,
    hierarchy_keys: str | Sequence[str] = (),
    min_score: float = MIN_SCORE,
    merges: Mapping[str, str | None] | pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find labels that are one name in several spellings; merge those that you name.

    Without `merges` **nothing is written**: the proposals are returned. Look at them, drop or edit
    rows, and pass the rest back as `merges`: only then are labels written, those alone, and the
    labels there were are kept in a column of their own.

    Two labels are proposed for each other if they are equal but for white space, case,
    punctuation, plural, the word "cell", Greek letters (``"γδ T"``, ``"gamma-delta T cells"``),
    word order (``"T_CD8"``, ``"CD8 T"``), British and American spelling, accents, a sign in words
    (``"CD4-positive"``), or spaces between words; with a low score, also if only one of them has
    the plus sign of a marker (``"CD14+ Mono"``, ``"CD14 Mono"``). Digits, minus signs and all other
    words have a meaning: ``"CD4 T"`` and ``"CD8 T"``, ``"Th1"`` and ``"Th17"``, ``"DC"`` and
    ``"pDC"`` are never proposed. No distance between spellings is used, so typing errors are not
    found, nor are abbreviations (``"Mono"``): give those as `synonyms`.

    Of several spellings, the one with the most cells over all references (of equals the first) is
    proposed for the others, or the name that `synonyms` or `ontology` has. Text that stands for a
    missing value (``"nan"``, ``"None"``, ``""``) is proposed to be made missing; no cell is ever
    dropped.

    Parameters
    ----------
    adata
        One AnnData, or several references: a sequence, or a mapping with their names. The matrices
        are not read, and backed AnnData stay so.
    labels_key
        Column of `.obs` with the labels; for references with different ones, a sequence or mapping
        like `adata`.
    synonyms
        Other names and what to write instead: a mapping, or the first two columns of a data frame.
        Names are found in any of the spellings above.
    ontology
        File in OBO format, such as ``cl.obo`` of the Cell Ontology. Labels that are a name or an
        exact synonym of one of its terms are proposed to take the name of the term. A name of two
        terms is left alone; `synonyms` come first.
    hierarchy_keys
        Further columns of `.obs` with coarser labels, from fine to coarse. With `labels_key` (after
        merging) as the finest they must be a tree over all references.
    min_score
        Score (0–1) from which on labels are proposed.
    merges
        What to write: rows of the returned data frame, in which `proposed` may be edited; or a
        mapping of label to new label, for all references. `None` as the new label makes the cells'
        label missing. Merging the same again changes nothing.

    Returns
    -------
    Without `merges` the proposals, the surest first, one row for each label and reference:

    reference : str
        Name of the reference in the mapping, else its number, ``"0"`` …
    label, proposed : str
        The label, and what it might be instead; `None` for a missing value.
    reason : str
        What the two differ in, or where the name comes from.
    score : float64
        How sure it is that they mean the same (0–1). At 0.95 and above they differ in writing
        alone; the plus sign has 0.6.
    n_cells : int64
        Cells of the reference with the label.

    With `merges` the columns `reference`, `label`, `proposed` and `n_cells` of what was merged,
    and the following fields of each AnnData with such labels are set, none on an error:

    obs[labels_key] : category `(n_obs,)`
        The new labels.
    obs[f"{labels_key}_original"]
        The column as it was before the first merging; to undo,
        ``adata.obs[labels_key] = adata.obs[f"{labels_key}_original"]``.
    uns[f"{labels_key}_colors"] : list of str
        Scanpy's colours, where there were any, in the new order.

    Raises
    ------
    KeyError
        A column is not in `.obs`.
    LabelError
        The labels and `hierarchy_keys` are no tree: the labels without exactly one parent are
        listed with their cells. Or `merges` names a label that is not there, gives one two names,
        or names that are themselves merged; or `synonyms` contradict each other.
    ValueError
        There is not one `labels_key` for each reference, `merges` lacks a column, or the ontology
        file has no terms.

    Warns
    -----
    UserWarning
        `merges` names a label that has become another one before; its cells stay as they are.

    Examples
    --------
    >>> import cellclass as cc
    >>> ours = cc.datasets.simulate_counts(90, n_labels=3)
    >>> theirs = ours.copy()
    >>> ours.obs["cell_type"] = ours.obs["cell_type"].cat.rename_categories(["CD4 T", "B", "NK"])
    >>> names = ["T cells, CD4", "B-cells", "NKT"]
    >>> theirs.obs["cell_type"] = theirs.obs["cell_type"].cat.rename_categories(names)
    >>> references = {"ours": ours, "theirs": theirs}
    >>> found = cc.pp.harmonize_labels(references, "cell_type")
    >>> found[["reference", "label", "proposed", "score"]]
      reference         label proposed  score
    0    theirs       B-cells        B  0.900
    1    theirs  T cells, CD4    CD4 T  0.833
    >>> cc.pp.harmonize_labels(references, "cell_type", merges=found)["n_cells"].tolist()
    [30, 30]
    >>> theirs.obs["cell_type"].cat.categories.tolist()
    ['CD4 T', 'B', 'NKT']
    >>> theirs.obs["cell_type"] = theirs.obs["cell_type_original"]  # undone
    """
    references, keys = _references(adata, labels_key)
    levels = [hierarchy_keys] if isinstance(hierarchy_keys, str) else list(hierarchy_keys)
    for name, one in references.items():
        for key in [keys[name], *levels]:
            check_obs_key(one, key, "labels_key" if key == keys[name] else "hierarchy_keys")
    counts = {name: _cells_of(one.obs[keys[name]]) for name, one in references.items()}
    if merges is None:
        _check_levels(references, {n: r.obs[keys[n]] for n, r in references.items()}, keys, levels)
        table = _synonyms(synonyms)
        found = propose_merges(
            counts, synonyms=[*table, *_of_ontology(ontology, table)], min_score=min_score
        )
        return _frame([astuple(row) for row in found], _COLUMNS)
    return _merge(references, keys, counts, levels, merges)


def _references(
    adata: AnnData | Sequence[AnnData] | Mapping[str, AnnData],
    labels_key: str | Sequence[str] | Mapping[str, str],
) -> tuple[dict[str, AnnData], dict[str, str]]:
    """Return the references and their label columns by name."""
    if isinstance(adata, AnnData):
        references = {"0": adata}
    elif isinstance(adata, Mapping):
        references = {str(name): one for name, one in adata.items()}
    else:
        references = {str(place): one for place, one in enumerate(adata)}
    if not references or not all(isinstance(one, AnnData) for one in references.values()):
        raise TypeError(
            "adata must be an AnnData, or several of them in a list or in a dictionary with names. "
            "Read files with anndata.read_h5ad(path)."
        )
    if isinstance(labels_key, str):
        return references, dict.fromkeys(references, labels_key)
    if isinstance(labels_key, Mapping):
        keys = {str(name): key for name, key in labels_key.items()}
    else:
        keys = dict(zip(references, labels_key, strict=False))
    if set(keys) != set(references) or len(labels_key) != len(references):
        raise ValueError(
            f"labels_key={labels_key!r} does not name one column for each of the "
            f"{len(references)} references ({', '.join(references)})."
        )
    return references, keys


def _cells_of(column: pd.Series) -> dict[str, int]:
    """Return how many cells have each label, in the order of the labels."""
    labels = column.astype("category").cat.remove_unused_categories()
    counts = labels.value_counts(sort=False)
    found: dict[str, int] = {}
    for label, n_cells in counts.items():
        found[str(label)] = found.get(str(label), 0) + int(n_cells)
    return found


def _synonyms(synonyms: Mapping[str, str] | pd.DataFrame | None) -> list[Synonym]:
    if synonyms is None:
        return []
    if isinstance(synonyms, Mapping):
        pairs = list(synonyms.items())
    elif synonyms.shape[1] >= 2:
        pairs = list(synonyms.iloc[:, :2].dropna().itertuples(index=False, name=None))
    else:
        raise ValueError(
            f"synonyms has {synonyms.shape[1]} column(s): one with names and one with what to "
            "write instead are needed."
        )
    table: dict[str, str] = {}
    for text, name in pairs:
        if table.setdefault(str(text), str(name)) != str(name):
            raise LabelError(f"synonyms give {text!r} two names: {table[str(text)]!r}, {name!r}.")
    for text, name in table.items():
        if table.get(name, name) != name:
            raise LabelError(
                f"synonyms turn {text!r} into {name!r}, and that into {table[name]!r}: write "
                f"{table[name]!r} for both."
            )
    return [Synonym(text, name, "synonym") for text, name in table.items()]


def _of_ontology(path: str | PathLike[str] | None, table: list[Synonym]) -> list[Synonym]:
    """Return the names of an ontology that the caller's table says nothing about."""
    if path is None:
        return []
    told = {name_key(synonym.text): synonym.name for synonym in table}
    told |= {name_key(synonym.name): synonym.name for synonym in table}
    return [
        replace(term, name=told.get(name_key(term.name), term.name))
        for term in read_obo_synonyms(path)
        if name_key(term.text) not in told
    ]


def _check_levels(
    references: dict[str, AnnData],
    labels: dict[str, pd.Series],
    keys: dict[str, str],
    levels: list[str],
) -> None:
    if levels:
        columns = [
            [labels[name], *(one.obs[k] for k in levels)] for name, one in references.items()
        ]
        check_tree(columns, [next(iter(keys.values())), *levels])


def _merge(
    references: dict[str, AnnData],
    keys: dict[str, str],
    counts: dict[str, dict[str, int]],
    levels: list[str],
    merges: Mapping[str, str | None] | pd.DataFrame,
) -> pd.DataFrame:
    known = {name: set(counts[name]) for name in references}
    for name, one in references.items():
        if original_key(keys[name]) in one.obs:  # they were merged before, and may be named again
            known[name] |= set(_cells_of(one.obs[original_key(keys[name])]))
    told = merges_of(merges, known)
    for name, one in references.items():
        warn_of_merged(one, keys[name], told[name], reference=name)
    labels = {name: one.obs[keys[name]] for name, one in references.items()}
    rows = [
        (name, label, new, counts[name][label])
        for name, pairs in told.items()
        for label, new in pairs.items()
        if label in counts[name] and label != new
    ]
    changed = [name for name in references if any(row[0] == name for row in rows)]
    labels |= {name: merged(labels[name], told[name]) for name in changed}
    _check_levels(references, labels, keys, levels)
    for name in changed:
        check_original(references[name], keys[name])
    for name in changed:
        write_merged(references[name], keys[name], labels[name], told[name])
    return _frame(rows, _APPLIED)


def _frame(rows: list[tuple], columns: list[str]) -> pd.DataFrame:
    """Return rows as a data frame whose columns have the same types if there are none."""
    kinds = {"score": "float64", "n_cells": "int64"}
    frame = pd.DataFrame(rows, columns=columns).astype(
        {name: kinds.get(name, object) for name in columns}
    )
    return frame.where(frame.notna(), None) if rows else frame
