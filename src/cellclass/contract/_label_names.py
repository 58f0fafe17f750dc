"""When two label names are the same name, written in two ways.

A name is rewritten by rules that keep what carries meaning: digits, signs, and every word but
"cell". There is no distance between spellings: names that differ in one letter are different.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUS: Final = "\u2212"  # of a marker that a cell lacks; a hyphen only stands between words
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"), "-")
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), "")
_MISSING: Final = frozenset({"", "nan", "none", "na", "n/a", "<na>", "null", "nat"})
_GREEK: Final = "alpha|beta|gamma|delta|epsilon|kappa|lambda"
# A marker: letters, then digits, then letters, such as CD4, FCGR3A and Ki67.
_MARKER: Final = r"[A-Za-z]+\d+[A-Za-z]{0,2}"
_LEVELS: Final = "high|hi|bright|low|lo|dim|int"
_SERIES: Final = "type|subtype|cluster|subcluster|group|class|stage|layer|subset|state|population"
_PREFIXES: Final = "non|pre|pro|post|anti|inter|intra|sub|peri|semi|pseudo|un|not"
# Where one of these stands, the order of the words has a meaning.
_ORDERED: Final = frozenset(
    {"to", "into", "from", "of", "in", "on", "by", "for", "via", "vs", "versus", "with", "without"}
    | {"than", "or", "like", "derived"}
)
_UNUSUAL_PLURALS: Final = {"nuclei": "nucleus", "epithelia": "epithelium", "ganglia": "ganglion"}
_PLURALS: Final = (
    (r"(?i)(ss)es$", r"\1"),
    (r"(?i)(x|ch)es$", r"\1"),
    (r"(?i)ies$", "y"),
    (r"(?i)(?<![sui])s$", ""),
)
_COUNTRY: Final = (
    (r"(?i)(h)a(em)", r"\1\2"),
    (r"(?i)\bo(esophag|edem|estr)", r"\1"),
    (r"(?i)\b(f)o(et[au])", r"\1\2"),
    (r"(?i)(tum)o(u)(r)", r"\1o\3"),
    (r"(?i)(leu)c(o)", r"\1k\2"),
    (r"(?i)(fib)re\b", r"\1er"),
    (r"(?i)(gr)e(y)\b", r"\1a\2"),
)


def is_missing_text(label: str) -> bool:
    """Tell whether a text stands for a missing label, as after `astype(str)`."""
    return label.strip().casefold() in _MISSING


def tidy(label: str) -> str:
    """Return a label without white space at its ends, doubled or invisible."""
    return " ".join(label.translate(_INVISIBLE).split())


def _greek(text: str) -> str:
    """Spell Greek letters out, and part their names from each other and from acronyms."""
    spelled = ""
    for letter in text:
        name = unicodedata.name(letter, "")
        if name.startswith("GREEK ") and " LETTER " in name:
            gap = " " if spelled[-1:].isalnum() else ""
            spelled += gap + name.split(" LETTER ")[1].split()[0].lower() + "\0"
        else:
            spelled += letter
    text = re.sub("\0(?=[^\\W\\d])", " ", spelled).replace("\0", "")
    text = re.sub(rf"(?i)\b((?:{_GREEK}){{2,}})\b", _part_names, text)
    return re.sub(rf"\b([A-Z]+)({_GREEK})", r"\1 \2", text)


def _part_names(found: re.Match[str]) -> str:
    return " ".join(re.findall(_GREEK, found[0], flags=re.IGNORECASE))


def _country(text: str) -> str:
    """Write the American way, without accents."""
    parts = unicodedata.normalize("NFD", text)
    text = unicodedata.normalize("NFC", re.sub(r"(?<=[A-Za-z])[\u0300-\u036f]+", "", parts))
    for here, there in _COUNTRY:
        text = re.sub(here, there, text)
    return text


def _capitals(text: str) -> str:
    """Part words that are told apart by capitals alone, and `cell` from a letter before it."""
    text = re.sub(r"(?<=[a-z][a-z])(?=[A-Z][a-z])", " ", text)
    return re.sub(r"(?<![A-Za-z])([A-Za-z]|[A-Z0-9]{2,})(?=[Cc]ells?\b)", r"\1 ", text)


def _signs(text: str) -> str:
    """Write the words "positive" and "negative" after a marker as signs."""
    marker = rf"(?<![A-Za-z0-9])({_MARKER}?|[A-Z]{{2,}}|[A-Z]+[ -](?:{_GREEK}))[ _-]*"
    text = re.sub(rf"(?i){marker}(?:positive|pos)(?![A-Za-z0-9])", r"\1+", text)
    return re.sub(rf"(?i){marker}(?:negative|neg)(?![A-Za-z0-9])", rf"\1{_MINUS}", text)


def _punctuation(text: str) -> str:
    """Leave single spaces, signs, what stands between digits, and ` / ` between parts."""
    text = re.sub(r"(?<=[A-Za-z0-9])-(?=$|[\s/,;:)\]_+])", _MINUS, text)
    pairs = re.compile(rf"({_MARKER})-(?={_MARKER}[+{_MINUS}])")
    while pairs.search(text):  # from the right: CD4-CD8-CD3+
        text = pairs.sub(rf"\1{_MINUS} ", text)
    text = re.sub(rf"([+{_MINUS}])(?=[A-Za-z])", r"\1 ", text)
    text = re.sub(r"(?<=[a-z])['\u2019]s\b", "", text)
    text = re.sub(r"(?<=\d)[/.:-](?=\d)", lambda found: chr(0xE000 + ord(found[0])), text)
    text = re.sub(r"[\s_.,;:()\[\]{}'\"\u2018\u2019`|-]+", " ", text)
    text = re.sub(r"[\ue000-\ue0ff]", lambda found: chr(ord(found[0]) - 0xE000), text)
    text = re.sub(r"(?<!\d)/|/(?!\d)|&|(?i:\band\b)", " / ", text)
    parts = [_bind(part) for part in text.split(" / ")]
    parts = [part for part in parts if part]
    if sum(not re.fullmatch(rf"({_MARKER}[+{_MINUS}]? ?)+", part) for part in parts) > 1:
        return " / ".join(parts)
    return " ".join(parts)


def _bind(part: str) -> str:
    """Tie numbers, levels and prefixes to the word that they belong to."""
    text = " ".join(part.split())
    text = re.sub(rf"(?i)\b({_SERIES}) (?=[a-z](?!\S)|\d)", r"\1", text)
    text = re.sub(r"(?i)\b(\d+) cells?\b", r"\1cell", text)  # of an embryo: "2-cell"
    text = re.sub(rf"(?i)(?<=\S) (?=(?:{_LEVELS})\b)", "", text)
    text = re.sub(rf"(?i)\b({_PREFIXES}) (?=[a-z])", r"\1", text)
    text = re.sub(r"(?<=[A-Za-z]) (?=\d)", "", text)
    return re.sub(r"(?<=\d) (?=\d)", "_", text)


def _plural(text: str) -> str:
    """Write plurals in the singular."""
    return re.sub(r"[A-Za-z0-9]+", lambda found: _singular(found[0]), text)


def _singular(word: str) -> str:
    if word.lower() in _UNUSUAL_PLURALS:
        return _UNUSUAL_PLURALS[word.lower()]
    if re.fullmatch(r"[a-z]{0,2}[A-Z0-9]*[A-Z][A-Z0-9]*s|[A-Za-z]+\d+s", word):  # DCs, ILC2s
        return word[:-1]
    if not word.isalpha() or len(word) < (5 if word.isupper() else 4):
        return word
    if word[-1] == "S" and not word.isupper():  # iPS
        return word
    for plural, singular in _PLURALS:
        if re.search(plural, word):
            return re.sub(plural, singular, word)
    return word


def _cell(text: str) -> str:
    """Leave the word "cell" out, unless little else is there."""
    rest = re.sub(r"(?i)(?<![A-Za-z0-9])cells?(?![A-Za-z0-9])", " ", text)
    rest = re.sub(r"(?<=[A-Za-z0-9+])[\s_-]+$|^[\s_-]+", "", re.sub(r"\s+", " ", rest))
    return rest if any(letter.isalpha() for letter in rest) else text


def _plus(text: str) -> str:
    """Leave out the plus of a marker that a cell has."""
    return re.sub(rf"({_MARKER})\+(?![\d+])", r"\1", text)


def _order(text: str) -> str:
    """Sort the words of each part, and the parts."""
    if _ORDERED & set(text.casefold().split()):
        return text
    return " / ".join(sorted(" ".join(sorted(part.split())) for part in text.split(" / ")))


def _together(text: str) -> str:
    """Leave out the spaces between words."""
    return text.replace(" ", "")


@dataclass(frozen=True)
class Rule:
    """A way to rewrite a name.

    Attributes
    ----------
    reason
        What two names differ in that the rule makes equal.
    score
        How sure it is (0–1) that they then mean the same.
    rewrite
        What it does to a name.
    """

    reason: str
    score: float
    rewrite: Callable[[str], str]


#: In the order in which they are applied.
RULES: Final = (
    Rule("white space", 1.0, tidy),
    Rule("Greek letters", 0.95, _greek),
    Rule("spelling", 0.95, _country),
    Rule("capitals inside", 0.9, _capitals),
    Rule("signs in words", 0.95, _signs),
    Rule("punctuation", 0.97, _punctuation),
    Rule("plural", 0.96, _plural),
    Rule("case", 0.98, str.casefold),
    Rule("the word cell", 0.9, _cell),
    Rule("plus sign", 0.6, _plus),
    Rule("word order", 0.85, _order),
    Rule("written together", 0.8, _together),
)
_EVERY: Final = {rule.reason: place for place, rule in enumerate(RULES)}
_SAME: Final = frozenset(_EVERY.values()) - {_EVERY["plus sign"], _EVERY["written together"]}
_LOOSER: Final = (
    _SAME - {_EVERY["word order"]} | {_EVERY["written together"]},
    _SAME | {_EVERY["plus sign"]},
)
#: Score where one name is a small letter, "t", and the other has it as a capital.
_LETTERS_SCORE: Final = 0.3
_MOST_RULES: Final = 4


@lru_cache(maxsize=1 << 16)
def _rewritten(label: str, rules: frozenset[int]) -> str:
    text = unicodedata.normalize("NFKC", label).translate(_DASHES)
    for place in sorted(rules):
        text = RULES[place].rewrite(text)
    return text or tidy(label)


def name_key(label: str) -> str:
    """Return what all surely equal names share."""
    return _rewritten(label, _SAME)


def looser_keys(label: str) -> tuple[str, ...]:
    """Return what names share that are equal but for spaces, or for the plus of a marker."""
    return tuple(_rewritten(label, rules) for rules in _LOOSER)


def why_same(label: str, other: str) -> tuple[str, float]:
    """Say what two names that share a key differ in, and how sure it is that they are the same.

    Returns
    -------
    reason
        The fewest rules that make them equal, of these the surest.
    score
        Of the least sure of them, and a little less for each more (0–1).
    """
    for one, two in ((tidy(label), tidy(other)), (tidy(other), tidy(label))):
        if re.fullmatch("[a-z]", one) and one not in re.findall(r"\w+", two):
            return "case of a single letter", _LETTERS_SCORE
    for n_rules in range(1, _MOST_RULES + 1):
        enough = [
            (_score(places), places)
            for places in combinations(range(len(RULES)), n_rules)
            if _rewritten(label, frozenset(places)) == _rewritten(other, frozenset(places))
        ]
        if enough:
            score, places = max(enough)
            return ", ".join(RULES[place].reason for place in places), score
    return "several", 0.5


def _score(places: tuple[int, ...]) -> float:
    return round(min(RULES[place].score for place in places) * 0.99 ** (len(places) - 1), 3)
