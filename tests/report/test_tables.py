"""The tables hold the numbers of the evaluation."""

import pytest

from cellclass._report._tables import confusion_table, given_table, mistakes_table, scores_table
from cellclass.get import evaluation_df


@pytest.fixture
def facts(by_hand, facts_of):
    adata = by_hand(
        ["A", "A", "A", "B", "B", "unassigned"], ["A", "A", "B", "B", "C", "C"], labels=["B", "A"]
    )
    return facts_of(adata, labels_key="truth")


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_scores(facts):
    table = scores_table(facts)
    assert [row[0] for row in texts(table)] == ["B", "A", "C (not known to the model)"]
    assert texts(table)[0][1:] == ["2", "0.500", "0.500", "0.500", "A (50%)"]
    assert [row[2].is_bad for row in table.rows] == [True, False, True]


def test_confusion(facts, annotated, facts_of):
    table = confusion_table(facts)
    assert [column.name for column in table.columns] == [
        "True label",
        "Cells",
        "B",
        "A",
        "unassigned",
    ]
    assert texts(table) == [
        ["B", "2", "1", "1", "·"],
        ["A", "2", "·", "2", "·"],
        ["C", "2", "1", "·", "1"],
    ]
    assert [cell.is_own for cell in table.rows[1]] == [False, False, False, True, False]
    assert table.rows[0][2].shade == 0.5
    real = facts_of(annotated, labels_key="cell_type")
    expected = evaluation_df(real.scored, table="confusion").to_numpy()
    shown = [[cell.value for cell in row[2:]] for row in confusion_table(real).rows]
    assert sum(map(sum, shown)) == expected.sum()


def test_mistakes(facts):
    table = mistakes_table(facts)
    assert table.caption == "All mistakes"
    assert ["B", "A", "1", "50%"] in texts(table)
    assert len(table.rows) == 3
    table = mistakes_table(facts, most=1)
    assert table.caption == "The 1 most frequent mistakes"
    assert len(table.rows) == 1


def test_given(facts):
    table = given_table(facts, {"A": 1, "B": 2}, {"A": "#ff0000"})
    rows = {row[0].text: row for row in table.rows}
    assert list(rows) == ["A", "B", "unassigned"]
    assert rows["A"][0].color == "#ff0000"
    assert [cell.text for cell in rows["A"][1:]] == ["1", "3", "50%", "0.900", "0%"]
    assert rows["unassigned"][1].text == "–"


def test_labels_that_no_cell_got_are_there(by_hand, facts_of):
    table = given_table(facts_of(by_hand(["A", "A"], labels=["A", "B"])), {}, {})
    assert texts(table)[1] == ["B", "–", "0", "0%", "–", "–"]
