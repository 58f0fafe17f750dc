"""Names of genes that come with an identifier, such as `ENSG…|SYMBOL`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from cellclass._keys import GENE_IDS
from cellclass.io._orientation import STABLE_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

ENOUGH = 0.9
_ENTREZ = re.compile(r"\d+")


def gene_frame(names: Sequence[str], separator: str | None) -> pd.DataFrame:
    """Make the `var` of genes.

    Names are split where nine in ten hold the separator once, and the same side of it is a stable
    identifier (or else a number) in nine in ten: that is the identifier and the other side the
    name. Else they stay as they are, and there is no column of identifiers. A gene without a name
    goes by its identifier, and so does every gene whose name is also that of another.
    """
    split = _split(names, separator) if separator else None
    if split is None:
        return pd.DataFrame(index=pd.Index(list(names)))
    ids, symbols = split
    times = Counter(symbols)
    index = [
        symbol if symbol and times[symbol] == 1 else identifier
        for identifier, symbol in zip(ids, symbols, strict=True)
    ]
    if len(set(index)) < len(index):
        return pd.DataFrame(index=pd.Index(list(names)))
    return pd.DataFrame({GENE_IDS: ids}, index=pd.Index(index))


def _split(names: Sequence[str], separator: str) -> tuple[list[str], list[str]] | None:
    """Return identifiers and symbols, or None where they cannot be told."""
    pairs = [name.split(separator) for name in names]
    whole = [pair for pair in pairs if len(pair) == 2]
    if len(whole) < ENOUGH * len(names):
        return None
    for pattern in (STABLE_ID, _ENTREZ):
        shares = [
            sum(pattern.fullmatch(pair[side]) is not None for pair in whole) / len(whole)
            for side in (0, 1)
        ]
        if (shares[0] >= ENOUGH) != (shares[1] >= ENOUGH):
            side = 0 if shares[0] >= ENOUGH else 1
            both = [
                (pair[side], pair[1 - side]) if len(pair) == 2 else (name, name)
                for name, pair in zip(names, pairs, strict=True)
            ]
            return [one for one, _ in both], [other for _, other in both]
    return None
