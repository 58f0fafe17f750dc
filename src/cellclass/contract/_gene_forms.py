"""What the form of a gene name tells: identifier or symbol, version, case, organism."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

# Gene identifiers of Ensembl; those of fly and worm keep the names of their own databases.
# The number after the dot is a version ("_2" in lifted annotations); PAR_Y is another gene.
_ENSEMBL = re.compile(
    r"((?:(ENS[A-Z]{0,6}G)|FBgn|WBGene)\d{6,})(?:\.\d+(?:_\d+)?)?(_PAR_Y)?$", re.IGNORECASE
)
_ORGANISMS = {
    "ENSG": "human",
    "ENSMUSG": "mouse",
    "ENSRNOG": "rat",
    "ENSDARG": "zebrafish",
    "ENSMMUG": "macaque",
    "ENSMFAG": "crab-eating macaque",
    "ENSPTRG": "chimpanzee",
    "ENSSSCG": "pig",
    "ENSBTAG": "cow",
    "ENSGALG": "chicken",
    "ENSXETG": "frog",
}
# Human genes that are rightly spelled with small letters, such as C1orf112.
_OPEN_READING_FRAME = re.compile(r"C(\d+|X|Y)ORF\d", re.IGNORECASE)
_ZEBRAFISH = re.compile(r"(si|zgc|wu|im):", re.IGNORECASE)
_NUMBERED = re.compile(r"([^\W\d_]+[:_-]?)[\d.]+$")
#: Names that are looked at to tell what a column holds.
SAMPLE = 1000

Namespace = Literal["ensembl", "symbol"]
Style = Literal["upper", "title", "lower", "none"]


def is_ensembl(name: str) -> bool:
    """Tell whether a name is an Ensembl gene identifier, with or without version."""
    return len(name) > 10 and _ENSEMBL.match(name) is not None


def without_version(name: str) -> str:
    """Cut the version off an Ensembl identifier; every other name stays (`AL627309.1`)."""
    found = _ENSEMBL.match(name) if "." in name else None
    return name if found is None else found[1] + (found[3] or "")


def identifier(name: str) -> str:
    """Return an Ensembl identifier in the form in which two are compared; `""` for a symbol."""
    found = _ENSEMBL.match(name) if len(name) > 10 else None  # symbols are shorter
    return "" if found is None else (found[1] + (found[3] or "")).upper()


def sample(names: Sequence[str] | pd.Index, size: int = SAMPLE) -> list[str]:
    """Take at most about `size` of the names, evenly spread, without blank ones."""
    return [name for name in names[:: max(1, len(names) // size)] if name]


def gene_namespace(names: pd.Index) -> Namespace:
    """Tell Ensembl identifiers from symbols by the form of most names."""
    some = [str(name) for name in sample(names)]
    return "ensembl" if 2 * sum(map(is_ensembl, some)) > len(some) else "symbol"


def are_numbers(names: pd.Index) -> bool:
    """Tell whether most names are plain numbers, which name no gene."""
    some = sample(names)
    return 2 * sum(name.isdigit() for name in some) > len(some)


def are_symbols(names: Sequence[str] | pd.Index) -> bool:
    """Tell whether texts can be gene symbols: short, single words, hardly ever the same.

    Running numbers behind the same letters (`NM_…`, `HGNC:…`, `gene_…`) and identifiers of one
    length are none.
    """
    some = sample(names)
    words = [name for name in some if any(map(str.isalpha, name)) and not re.search(r"\s", name)]
    if not words or len(words) < 0.9 * len(some) or len(set(some)) < 0.9 * len(some):
        return False
    if 2 * sum(map(is_ensembl, words)) > len(words):
        return False
    heads = Counter(found[1] for name in words if (found := _NUMBERED.match(name)))
    same_head = max(heads.values(), default=0) > max(2, len(words) / 2)
    same_length = Counter(map(len, words)).most_common(1)[0][1] > max(5, 0.9 * len(words))
    return not same_head and not same_length


def organism(names: Iterable[str]) -> str:
    """Name the organism that Ensembl identifiers are of; `""` where there are none."""
    heads = [found[2] for name in names if (found := _ENSEMBL.match(name)) and found[2]]
    if not heads:
        return ""
    head = Counter(map(str.upper, heads)).most_common(1)[0][0]
    return _ORGANISMS.get(head, head)


def symbol_style(names: pd.Index) -> Style:
    """Tell in which case most symbols are: `CD3D` (human), `Cd3d` (mouse, rat), `cd3d`."""
    counts = Counter(
        _style_of(name)
        for name in sample(names)
        if sum(map(str.isalpha, name)) > 1
        and not is_ensembl(name)
        and not _OPEN_READING_FRAME.match(name)
    )
    if not counts:
        return "none"
    style, n = counts.most_common(1)[0]
    return style if 2 * n > counts.total() else "none"


def are_zebrafish(names: pd.Index) -> bool:
    """Tell by names such as `si:dkey-23c22.4`, which only zebrafish genes have."""
    some = sample(names)
    return 200 * sum(_ZEBRAFISH.match(name) is not None for name in some) > len(some)


def are_other_organisms(query: pd.Index, reference: pd.Index) -> bool:
    """Tell whether the case of the symbols is that of two organisms."""
    styles = {symbol_style(query), symbol_style(reference)}
    if styles == {"upper", "title"}:
        return True
    return "lower" in styles and are_zebrafish(query) != are_zebrafish(reference)


def same_but_for_case(query: pd.Index, reference: pd.Index, place: np.ndarray) -> np.ndarray:
    """Tell which pairs of names that differ in case are spellings of one organism's gene.

    `Cd3d` and `CD3D` are not: the one is of the mouse, the other human. Symbols without capital
    letters are of no mammal, so that they are taken for a spelling of either. A side without a
    prevailing case may hold two organisms: `mt-Nd1` and `MT-ND1` are then not the same.

    Parameters
    ----------
    query, reference
        Names, `(n_query,)` and `(n_reference,)`.
    place
        Place in `reference` of the name that is the same but for case; negative for none.

    Returns
    -------
    Booleans `(n_query,)`.
    """
    found = np.flatnonzero(place >= 0)
    same = np.zeros(len(query), dtype=bool)
    if found.size == 0 or are_other_organisms(query, reference):
        return same
    unclear = "none" in (symbol_style(query), symbol_style(reference))
    ours, theirs = query[found], reference[place[found]]
    for j, one, other in zip(found, ours, theirs, strict=True):
        if _OPEN_READING_FRAME.match(one) or (is_ensembl(one) and is_ensembl(other)):
            same[j] = True
        else:
            styles = {_style_of(one), _style_of(other)}
            same[j] = styles == {"upper", "lower"} if unclear else styles != {"upper", "title"}
    return same


def _style_of(name: str) -> Style:
    if name.isupper():
        return "upper"
    if name.islower():
        return "lower"
    return "title" if name[0].isupper() and name[1:].islower() else "none"


def texts(values: pd.Index | pd.Series) -> list[str]:
    """Return names as text, `""` for a missing one."""
    missing = np.asarray(values.isna())
    if not missing.any():
        return list(map(str, values))
    return ["" if none else str(value) for value, none in zip(values, missing, strict=True)]
