"""The tables of the page, as the template takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from cellclass._report._findings import LOW_RECALL
from cellclass._report._labels import given_labels, label_recalls
from cellclass._report._words import UNKNOWN, percent, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cellclass._report._facts import Facts


@dataclass(frozen=True)
class Cell:
    """A field of a table.

    Attributes
    ----------
    text
        What is shown.
    value
        What is sorted by; `None` for the text itself.
    shade
        Share (0–1) that the field is coloured by.
    is_bad
        Whether it is a failure, which is said in more than colour.
    is_own
        Whether row and column have the same label.
    hint
        Said of the field when pointed at.
    color
        Of the mark before the text.
    """

    text: str
    value: float | None = None
    shade: float = 0.0
    is_bad: bool = False
    is_own: bool = False
    hint: str = ""
    color: str = ""


class Column(NamedTuple):
    """A heading, what is said of it when pointed at, and whether text stands below it."""

    name: str
    hint: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Table:
    """A table that the reader can sort; the first field of each row names it.

    Attributes
    ----------
    name
        Identifier on the page.
    caption
        What it shows.
    columns
        Its headings.
    rows
        A list of fields for each row.
    is_matrix
        Whether the headings after the second stand upright, to be narrow.
    """

    most_on_paper: ClassVar[int] = 28
    """Columns of a matrix that fit on a page."""

    name: str
    caption: str
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    is_matrix: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether it is too wide for paper."""
        return self.is_matrix and len(self.columns) > self.most_on_paper


def _whole(n: int) -> Cell:
    return Cell(f"{n:,}", n)


def _share(share: float, *, is_bad: bool = False) -> Cell:
    return Cell(percent(share), -1.0 if math.isnan(share) else share, is_bad=is_bad)


def _score(value: float, *, is_bad: bool = False) -> Cell:
    return Cell(score(value), -1.0 if math.isnan(value) else value, is_bad=is_bad)


def scores_table(facts: Facts) -> Table:
    """Give recall and its kin by true label."""
    columns = [
        Column("True label", is_text=True),
        Column("Cells", "Cells with this true label"),
        Column("Recall", "Share (0–1) of the label's cells that got it"),
        Column("Precision", "Share (0–1) right of the cells that got it"),
        Column("F1", "Harmonic mean of both"),
        Column("Most often taken for", "The wrong answer that most of its cells got", is_text=True),
    ]
    rows = []
    for one in label_recalls(facts):
        taken = f"{one.taken_for} ({percent(one.n_taken / one.n_cells)})" if one.taken_for else "–"
        name = one.label if one.known else f"{one.label} (not known to the model)"
        rows.append(
            [
                Cell(name),
                _whole(one.n_cells),
                _score(one.recall, is_bad=one.recall < LOW_RECALL),
                _score(one.precision, is_bad=one.precision < LOW_RECALL),
                _score(one.f1),
                Cell(taken, one.n_taken / one.n_cells),
            ]
        )
    return Table("scores-by-label", "Scores by true label", columns, rows)


def confusion_table(facts: Facts) -> Table:
    """Count cells by true and given label."""
    counts = facts.table("confusion")
    places = {label: place for place, label in enumerate(facts.labels)}

    def in_order(names: list[str]) -> list[str]:
        return sorted(names, key=lambda name: (places.get(name, len(places)), name))

    given = in_order([name for name in counts.columns if counts[name].any()])
    columns = [Column("True label", is_text=True), Column("Cells", "Cells with this true label")]
    columns += [Column(name, f"Cells that got the label {name}") for name in given]
    rows = []
    for label in in_order(list(counts.index)):
        n_cells = int(counts.loc[label].sum())
        row = [Cell(label), _whole(n_cells)]
        for name in given:
            n = int(counts.loc[label, name])
            hint = f"{percent(n / n_cells)} of the cells of {label} got the label {name}"
            shown = f"{n:,}" if n else "·"
            row.append(Cell(shown, n, shade=n / n_cells, is_own=label == name, hint=hint))
        rows.append(row)
    return Table(
        "confusion-matrix",
        "Cells by true label (rows) and given label (columns)",
        columns,
        rows,
        is_matrix=True,
    )


def mistakes_table(facts: Facts, most: int = 12) -> Table:
    """List the largest fields of the confusion table that are wrong."""
    counts = facts.table("confusion")
    found = [
        (int(counts.loc[truth, given]), truth, given, int(counts.loc[truth].sum()))
        for truth in counts.index
        for given in counts.columns
        if truth != given and counts.loc[truth, given]
    ]
    found.sort(key=lambda one: -one[0])
    rows = [
        [Cell(truth), Cell(given), _whole(n), _share(n / n_cells)]
        for n, truth, given, n_cells in found[:most]
    ]
    shown = f"The {most} most frequent mistakes" if len(found) > most else "All mistakes"
    columns = [
        Column("True label", is_text=True),
        Column("Taken for", is_text=True),
        Column("Cells"),
        Column("Of the label", "Share of the true label's cells"),
    ]
    return Table("mistakes", shown, columns, rows)


def given_table(facts: Facts, numbers: Mapping[str, int], colors: Mapping[str, str]) -> Table:
    """List the labels that were given, with the numbers and colours of the map."""
    columns = [
        Column("Label", is_text=True),
        Column("No.", "Number on the map"),
        Column("Cells", "Cells that got it"),
        Column("Share", "Of all cells"),
        Column("Confidence", "Median over its cells (0–1)"),
        Column(
            "Unlike the reference",
            "Of its cells, those with a p-value up to 0.05; 5% by chance",
        ),
    ]
    found = given_labels(facts)
    rows = []
    for label in [*found.index, *(name for name in facts.labels if name not in found.index)]:
        n = int(found["n_cells"].get(label, 0))
        number = numbers.get(label, 0)
        rows.append(
            [
                Cell(label, color=colors.get(label, "")),
                Cell(str(number) if number else UNKNOWN, number),
                _whole(n),
                _share(n / facts.adata.n_obs),
                _score(float(found["confidence"].get(label, math.nan))),
                _share(float(found["novel"].get(label, math.nan))),
            ]
        )
    return Table("given-labels", "Labels that were given", columns, rows)
