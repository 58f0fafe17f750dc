"""Names, exact synonyms and parents of the terms of an ontology in OBO format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cellclass.contract import Synonym

if TYPE_CHECKING:
    from os import PathLike

Fields = list[tuple[str, str]]

# The text between quotes, in which quotes and backslashes are escaped, then the scope.
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"\s+(\w+)')


def read_obo_synonyms(path: str | PathLike[str]) -> list[Synonym]:
    """Read the names and ``EXACT`` synonyms of all terms that are not obsolete.

    Parameters
    ----------
    path
        A file in OBO 1.2 or 1.4 format, such as ``cl.obo`` of the Cell Ontology.

    Raises
    ------
    ValueError
        The file has no terms.
    """
    found: list[Synonym] = []
    for name, fields in _terms(path):
        identifier = next((value for tag, value in fields if tag == "id"), "no id")
        found.append(Synonym(name, name, f"name of {identifier}"))
        for tag, value in fields:
            match = _SYNONYM.match(value) if tag == "synonym" else None
            if match and match[2] == "EXACT":
                text = re.sub(r"\\(.)", r"\1", match[1])
                found.append(Synonym(text, name, f"exact synonym of {identifier}"))
    return found


def read_obo_parents(path: str | PathLike[str]) -> list[tuple[str, str]]:
    """Read which term is a kind of which, as pairs of names, child and parent.

    Parents that the file does not define, terms of another ontology say, are left out.

    Parameters
    ----------
    path
        A file in OBO 1.2 or 1.4 format, such as ``cl.obo`` of the Cell Ontology.

    Raises
    ------
    ValueError
        The file has no terms.
    """
    terms = _terms(path)
    names = {value: name for name, fields in terms for tag, value in fields if tag == "id"}
    return [
        (name, names[parent])
        for name, fields in terms
        for tag, value in fields
        # what stands in braces says where the statement comes from
        if tag == "is_a" and (parent := value.split("{")[0].strip()) in names
    ]


def _terms(path: str | PathLike[str]) -> list[tuple[str, Fields]]:
    """Return the name and the tagged values of each term that is not obsolete."""
    terms: list[tuple[str, Fields]] = []
    for kind, fields in _stanzas(Path(path)):
        name = next((value for tag, value in fields if tag == "name"), None)
        if kind == "Term" and name is not None and ("is_obsolete", "true") not in fields:
            terms.append((name, fields))
    if not terms:
        raise ValueError(
            f"{path} holds no terms: a file in OBO format is needed, such as cl.obo from "
            "http://purl.obolibrary.org/obo/cl.obo (a file in OWL or JSON format will not do)."
        )
    return terms


def _stanzas(path: Path) -> list[tuple[str, Fields]]:
    """Return the kind and the tagged values of each stanza."""
    stanzas: list[tuple[str, Fields]] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("["):
                stanzas.append((line.strip().strip("[]"), []))
            elif stanzas and ":" in line:
                tag, value = line.split(":", 1)
                plain = value.strip() if tag == "synonym" else re.split(r"\s+!", value)[0].strip()
                stanzas[-1][1].append((tag.strip(), plain))
    return stanzas
