"""Write the labels that the caller has chosen, and keep those there were."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from anndata import ImplicitModificationWarning

from cellclass._checks import near
from cellclass._keys import colors_key, original_key
from cellclass._warn import warn
from cellclass.errors import LabelError

if TYPE_CHECKING:
    from anndata import AnnData

Merges = dict[str, str | None]


def merges_of(
    merges: Mapping[str, str | None] | pd.DataFrame, references: Mapping[str, set[str]]
) -> dict[str, Merges]:
    """Return what to write for which label, in each reference.

    Parameters
    ----------
    merges
        Label and new label; or a table with the columns `label`, `proposed` and, where rows are for
        one reference only, `reference`.
    references
        The labels that each reference has, or had before they were merged.

    Raises
    ------
    LabelError
        A label is in none of the references, is given two new names, or is itself a new name of
        another one.
    ValueError
        The table lacks a column, or names a reference that is not there.
    """
    if isinstance(merges, Mapping):
        rows: list[tuple[str | None, str, str | None]] = [
            (None, str(label), _text(new)) for label, new in merges.items()
        ]
    else:
        rows = _rows(merges, references)
    found: dict[str, Merges] = {name: {} for name in references}
    for reference, label, new in rows:
        places = [reference] if reference is not None else list(references)
        if not any(label in references[place] for place in places):
            known = sorted({text for place in places for text in references[place]})
            raise LabelError(f"There is no label {label!r} to merge. Labels: {near(label, known)}.")
        for place in places:
            if found[place].setdefault(label, new) != new:
                raise LabelError(
                    f"{label!r} cannot become both {found[place][label]!r} and {new!r}: leave one "
                    "of the rows out."
                )
    for told in found.values():
        for label, new in told.items():
            if new is not None and told.get(new, new) != new:
                raise LabelError(
                    f"{label!r} would become {new!r}, which itself becomes {told[new]!r}. Write "
                    f"{told[new]!r} for both, or leave one out."
                )
    return found


def _rows(
    table: pd.DataFrame, references: Mapping[str, set[str]]
) -> list[tuple[str | None, str, str | None]]:
    lacking = {"label", "proposed"} - set(table.columns)
    if lacking:
        raise ValueError(
            f"merges has the columns {list(table.columns)} and lacks {sorted(lacking)}: pass rows "
            "of what cc.pp.harmonize_labels returned, or a mapping of label to new label."
        )
    where = table["reference"] if "reference" in table.columns else [None] * len(table)
    unknown = {str(name) for name in where if name is not None} - set(references)
    if unknown:
        raise ValueError(
            f"merges names the reference {min(unknown)!r}; there are "
            f"{near(min(unknown), references)}."
        )
    rows = zip(where, table["label"], table["proposed"], strict=True)
    return [(name if name is None else str(name), str(one), _text(new)) for name, one, new in rows]


def _text(new: object) -> str | None:
    if pd.isna(new):  # type: ignore[call-overload]
        return None
    if not str(new).strip():
        raise ValueError("A new label is empty. Write None for a missing value.")
    return str(new)


def merged(column: pd.Series, merges: Merges) -> pd.Series:
    """Return a column of labels as a category, with the new labels in the places of the old."""
    labels = column.astype("category")
    names = {name: merges.get(str(name), str(name)) for name in labels.cat.categories}
    categories = dict.fromkeys(new for new in names.values() if new is not None)
    texts = labels.astype(object).map(names, na_action="ignore")
    return pd.Series(
        pd.Categorical(texts, categories=list(categories)), index=column.index, name=column.name
    )


def warn_of_merged(adata: AnnData, key: str, merges: Merges, *, reference: str) -> None:
    """Say which labels cannot be merged, as they have become something else before."""
    kept = original_key(key)
    if kept not in adata.obs.columns:
        return
    was, now = adata.obs[kept].astype(str), adata.obs[key].astype(object)
    now = now.map(str, na_action="ignore")
    for label in sorted(set(merges) - set(now)):
        new = merges[label]
        found = now[was == label]
        others = [text for text in found.unique() if (None if pd.isna(text) else text) != new]
        if others:
            old = "a missing value" if pd.isna(others[0]) else repr(others[0])
            warn(
                f"Reference {reference!r}: {label!r} has become {old} before, so that none of its "
                f"{len(found)} cells becomes {new!r}. Name what it is now, or leave it out."
            )


def check_original(adata: AnnData, key: str) -> None:
    """Refuse to merge where the column that keeps the old labels holds something else."""
    kept = original_key(key)
    if kept not in adata.obs.columns:
        return
    both = pd.DataFrame(
        {"old": adata.obs[kept].astype(object), "new": adata.obs[key].astype(object)}
    )
    if (both.dropna().drop_duplicates()["old"].value_counts() > 1).any():
        raise LabelError(
            f"obs[{kept!r}] is where the labels of obs[{key!r}] would be kept, but it holds "
            f"something else. Rename it: adata.obs = adata.obs.rename(columns={{{kept!r}: …}})."
        )


def write_merged(adata: AnnData, key: str, new: pd.Series, merges: Merges) -> None:
    """Write a column of labels, the old one beside it if it is the first time, and the colours."""
    old = adata.obs[key].astype("category").cat.categories
    colors = list(adata.uns.get(colors_key(key), []))
    with warnings.catch_warnings():  # a view becomes an AnnData of its own, as documented
        warnings.simplefilter("ignore", ImplicitModificationWarning)
        if original_key(key) not in adata.obs.columns:
            adata.obs[original_key(key)] = adata.obs[key].copy()
        adata.obs[key] = new
        if len(colors) == len(old):
            of_old = {str(name): color for name, color in zip(old, colors, strict=True)}
            of_new = {
                name: of_old[str(label)] for label in old[::-1] if (name := merges.get(str(label)))
            }
            of_new |= of_old
            adata.uns[colors_key(key)] = [of_new[name] for name in new.cat.categories]
        elif colors:  # they were of other labels, and would be taken for those of the new
            del adata.uns[colors_key(key)]
