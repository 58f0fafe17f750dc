"""Which proteins of a query are which of a model, by their names."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# What vendors and pipelines put around the name of an antibody's target.
_BEFORE = re.compile(r"^(adt|prot|protein|ab|anti[-_. ]?(human|mouse)|anti)[-_.: ]+")
_AFTER = re.compile(r"[-_. ]+(totalseq[-_ ]?[abcd]?|total[-_ ]?seq[-_ ]?[abcd]|adt|prot|protein)$")
_BETWEEN = re.compile(r"(?<!\d)[-_. ]+|[-_. ]+(?!\d)")
_SEPARATOR = re.compile(r"[-_. ]+")


class ProteinMatch(NamedTuple):
    """Which proteins of a query are the model's."""

    column: np.ndarray
    """Column of the query for each protein of the model, int64 `(n_proteins,)`; -1 for none."""
    renamed: tuple[tuple[str, str], ...]
    """Names in the model and in the query of those that are spelled differently."""


def protein_key(name: str) -> str:
    """Return what is left of a protein's name without what varies between pipelines.

    That is case, `TotalSeq` and the like at the end, `ADT_`, `prot:` or `anti-` at the start, and
    separators; but for one between two digits: `CD3-1` is not `CD31`.

    Examples
    --------
    >>> protein_key("CD3_TotalSeqB"), protein_key("PD-1"), protein_key("CD3.1")
    ('cd3', 'pd1', 'cd3-1')
    """
    key = name.strip().casefold()
    key = _AFTER.sub("", _BEFORE.sub("", key)) or key
    return _SEPARATOR.sub("-", _BETWEEN.sub("", key))


def match_proteins(expected: Sequence[str], found: Sequence[str]) -> ProteinMatch:
    """Match by the same name, then by the same key where that is unique on both sides.

    Parameters
    ----------
    expected
        Names in the model.
    found
        Names in the query, all different.
    """
    place = {name: column for column, name in enumerate(found)}
    column = np.array([place.get(name, -1) for name in expected], dtype=np.int64)
    taken = set(column.tolist())
    left = [k for k, at in enumerate(column) if at < 0]
    free = [at for at in range(len(found)) if at not in taken]
    # A key that is taken by an exact match as well says nothing.
    of_model = Counter(map(protein_key, expected))
    of_query = Counter(map(protein_key, found))
    by_key = {protein_key(found[at]): at for at in free if of_query[protein_key(found[at])] == 1}
    renamed = []
    for k in left:
        key = protein_key(expected[k])
        if of_model[key] == 1 and key in by_key:
            column[k] = by_key[key]
            renamed.append((expected[k], found[by_key[key]]))
    return ProteinMatch(column, tuple(renamed))
