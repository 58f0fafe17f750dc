"""Alias tables are read from what people have, and say which names are in doubt."""

import pandas as pd
import pytest

from cellclass.contract._aliases import AliasTable
from cellclass.errors import GeneError

PAIRS = {"MARCH1": "MARCHF1", "SEPT1": "SEPTIN1"}


@pytest.mark.parametrize(
    "table",
    [
        PAIRS,
        pd.Series(PAIRS),
        pd.DataFrame({"alias": list(PAIRS), "symbol": list(PAIRS.values())}),
        pd.DataFrame(
            {"symbol": ["MARCHF1 ", "SEPTIN1", "X"], "alias": [" MARCH1", "SEPT1", None], "n": 1},
            index=[7, 7, 7],
        ),
        {**PAIRS, "LYZ": "LYZ", "": "A", "B": ""},
        pd.DataFrame(
            {"alias": list(PAIRS) * 2, "symbol": list(PAIRS.values()) * 2}, dtype="category"
        ),
    ],
)
def test_tables_of_every_kind(table):
    read = AliasTable.of(table)
    assert dict(read.rows.to_numpy().tolist()) == PAIRS
    assert len(read.rows) == 2
    assert read.doubtful == frozenset()


def test_names_in_doubt():
    table = pd.DataFrame(
        [
            ("two", "A", False),
            ("two", "B", False),
            ("C", "D", False),
            ("old", "C", False),
            ("said", "E", True),
            ("fine", "E", False),
            ("ENSG00000000001", "F", False),
            ("ENSG00000000002", "F", False),
            ("ENSG00000000003", "G", False),
            ("older", "G", False),
        ],
        columns=["alias", "symbol", "ambiguous"],
    )
    doubtful = {"two", "C", "said", "ENSG00000000001", "ENSG00000000002"}
    assert AliasTable.of(table).doubtful == doubtful
    assert AliasTable.of(table).reused == {"C"}
    table["kind"] = "alias"
    assert AliasTable.of(table).doubtful == doubtful
    assert AliasTable.of(table).reused == frozenset()


def test_tables_that_are_none():
    with pytest.raises(GeneError, match=r"\['old', 'new'\].*'alias'.*rename"):
        AliasTable.of(pd.DataFrame({"old": ["A"], "new": ["B"]}))
    with pytest.raises(TypeError, match="list; a mapping"):
        AliasTable.of([("A", "B")])
    with pytest.raises(TypeError, match="str; a mapping"):
        AliasTable.of("hgnc.txt")
