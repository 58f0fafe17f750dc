"""Which labels of some references might be merged, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cellclass.contract._label_names import is_missing_text, looser_keys, name_key, tidy, why_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A score below which a proposal is not made, unless it is asked for.
MIN_SCORE = 0.5
_MISSING_SCORE = 0.95


@dataclass(frozen=True)
class Synonym:
    """A name and what to write instead.

    Attributes
    ----------
    text
        The name, as its source has it.
    name
        What to write instead.
    source
        Where that stands, for the reason of a proposal.
    """

    text: str
    name: str
    source: str


@dataclass(frozen=True)
class Proposal:
    """A label of a reference that might be written otherwise.

    Attributes
    ----------
    reference
        Name of the reference.
    label
        The label as it is.
    proposed
        What to write instead; `None` for a missing value.
    reason
        What the two differ in.
    score
        How sure it is that they mean the same (0–1).
    n_cells
        How many cells of the reference have the label.
    """

    reference: str
    label: str
    proposed: str | None
    reason: str
    score: float
    n_cells: int


def propose_merges(
    references: Mapping[str, Mapping[str, int]],
    *,
    synonyms: Iterable[Synonym] = (),
    min_score: float = MIN_SCORE,
) -> list[Proposal]:
    """Propose one way to write each name, over all references.

    Of the labels that are equal under the rules, the one with the most cells (of equals the first)
    is proposed for the others, or the name that a synonym stands for.

    Parameters
    ----------
    references
        Cells of each label, for each reference.
    synonyms
        Other names; one that stands for two different names is left out.
    min_score
        Score (0–1) from which on a proposal is made.

    Returns
    -------
    The proposals, the surest first.
    """
    n_cells: Counter[str] = Counter()
    for counts in references.values():
        n_cells.update(counts)
    table = _by_key(synonyms)
    named = {label: table.get(name_key(label)) for label in n_cells}
    # What a synonym stands for is compared with the labels, too, so that nothing is left to merge.
    for name in [synonym.name for synonym in named.values() if synonym]:
        named.setdefault(name, table.get(name_key(name)))
    place = {label: number for number, label in enumerate(named)}
    missing = {label for label in n_cells if is_missing_text(label) and not named[label]}
    changes: dict[str, tuple[str | None, str, float]] = {
        label: (None, "text for a missing value", _MISSING_SCORE if label.strip() else 1.0)
        for label in missing
    }
    for group in _groups([label for label in named if label not in missing], named):
        entries = [entry for label in group if (entry := named[label])]
        best = max(group, key=lambda label: (n_cells[label], label == tidy(label), -place[label]))
        target = entries[0].name if entries else tidy(best)
        for label in group:
            own = named[label]
            sources: list[Synonym | None] = [own] if own else [*entries]
            ways = [_why(label, target, source) for source in sources or [None]]
            changes[label] = (target, *max(ways, key=lambda way: way[1]))
    found = [
        Proposal(reference, label, *changes[label], n_cells=count)
        for reference, counts in references.items()
        for label, count in counts.items()
        if changes[label][0] != label and changes[label][2] >= min_score
    ]
    return sorted(found, key=lambda row: (-row.score, row.proposed or "", row.label))


def _by_key(synonyms: Iterable[Synonym]) -> dict[str, Synonym]:
    table: dict[str, Synonym | None] = {}
    for synonym in synonyms:
        for text in (synonym.text, synonym.name):
            key, entry = name_key(text), Synonym(text, synonym.name, synonym.source)
            known = table.setdefault(key, entry)
            if known is not None and known.name != entry.name:
                table[key] = None  # two meanings: nothing is proposed
    return {key: synonym for key, synonym in table.items() if synonym is not None}


def _groups(labels: list[str], named: Mapping[str, Synonym | None]) -> list[list[str]]:
    """Return labels that are the same; never two that synonyms give different names."""
    member_of = {label: {label} for label in labels}

    def join(key_of: Mapping[str, str]) -> None:
        first: dict[str, str] = {}
        for label in labels:
            one, other = member_of[first.setdefault(key_of[label], label)], member_of[label]
            names = {synonym.name for text in one | other if (synonym := named[text])}
            if one is not other and len(names) < 2:
                one |= other
                member_of.update(dict.fromkeys(other, one))

    join({label: entry.name if (entry := named[label]) else label for label in labels})
    join({label: name_key(label) for label in labels})
    looser = {label: looser_keys(label) for label in labels}
    for place in range(2):
        join({label: keys[place] for label, keys in looser.items()})
    unique = {id(group): sorted(group) for group in member_of.values()}
    return list(unique.values())


def _why(label: str, target: str, synonym: Synonym | None) -> tuple[str, float]:
    if synonym is None or name_key(label) == name_key(target):
        return why_same(label, target)
    if label == synonym.text:
        return synonym.source, 1.0
    reason, score = why_same(label, synonym.text)
    return f"{synonym.source} ({synonym.text}), {reason}", score
