"""Columns of labels from fine to coarse, which must be a tree."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from cellclass.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_LISTED = 8


def check_tree(columns: Sequence[Sequence[pd.Series]], keys: Sequence[str]) -> None:
    """Refuse levels of labels of which one has no parent, or several.

    Parameters
    ----------
    columns
        For each reference, its columns from fine to coarse; a fine label that is missing needs no
        parent.
    keys
        Their names, for messages.

    Raises
    ------
    LabelError
        Lists the labels, their parents and how many cells have each.
    """
    for level, (fine_key, coarse_key) in enumerate(pairwise(keys)):
        pairs = pd.concat(
            [
                pd.DataFrame(
                    {
                        "fine": _as_text(reference[level]),
                        "coarse": _as_text(reference[level + 1]),
                    }
                )
                for reference in columns
            ]
        )
        counts = pairs[pairs["fine"].notna()].value_counts(dropna=False).reset_index(name="n_cells")
        counts = counts.sort_values(["n_cells", "coarse"], ascending=[False, True])
        n_parents = counts.groupby("fine")["fine"].transform("size")
        wrong = counts[(n_parents > 1) | counts["coarse"].isna()]
        if wrong.empty:
            continue
        listed = [
            f"{fine!r}: {_parents(rows)}"
            for fine, rows in list(wrong.groupby("fine"))[:_MOST_LISTED]
        ]
        n_wrong = wrong["fine"].nunique()
        raise LabelError(
            f"obs[{fine_key!r}] and obs[{coarse_key!r}] are no tree: {n_wrong} label(s) have not "
            f"exactly one parent. {'; '.join(listed)}{'; …' if n_wrong > _MOST_LISTED else ''}. "
            f"Correct obs[{coarse_key!r}] of these cells, or tell the labels apart."
        )


def _as_text(column: pd.Series) -> pd.Series:
    return column.astype(object).map(str, na_action="ignore").reset_index(drop=True)


def _parents(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{'none' if pd.isna(coarse) else repr(coarse)} ({n_cells} cells)"
        for coarse, n_cells in zip(rows["coarse"], rows["n_cells"], strict=True)
    )
