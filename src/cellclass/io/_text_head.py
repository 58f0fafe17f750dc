"""The layout of a text matrix, told from its first lines."""

from __future__ import annotations

import csv
import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass.io._text_file import TextFile

DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", " ": "blank"}
LONGEST_LINE = 1 << 28
SAMPLE_ROWS = 1000
BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r'\s*"?[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"?\s*')
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


class Head(NamedTuple):
    """What stands before the rows, and how they are laid out."""

    delimiter: str
    columns: list[str]
    """Names of the columns of numbers."""
    corner: str | None
    """What stands above the names of the rows."""
    trailing: bool
    """Whether rows end with a delimiter."""
    header_line: int
    line: int
    """Line of the first row, counted from 1."""
    rest: bytes
    """The text from the first row on, as far as it was read."""

    def row_names(self) -> list[str]:
        """Names of the rows in `rest`."""
        lines = self.rest.split(b"\n", SAMPLE_ROWS)
        lines = lines[:-1] if len(lines) > 1 else lines
        return [
            first_field(line.decode(errors="replace"), self.delimiter)
            for line in lines
            if line.strip()
        ]


def first_field(line: str, delimiter: str) -> str:
    """Return the first field of a line, without its quotes."""
    quoted = _QUOTED.match(line)
    return unquoted(quoted.group() if quoted else line.split(delimiter, 1)[0].strip())


def unquoted(field: str) -> str:
    """Return a field without its quotes."""
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def read_head(file: TextFile, blocks: Iterator[bytes], delimiter: str | None) -> Head:
    """Read as far as the first row and tell the layout from it and the header."""
    text = next(blocks, b"").removeprefix(BOM)
    if b"\0" in text:
        raise file.error("holds bytes of 0: it is not text.")
    start, comment, commented = 0, -1, b""
    lines: list[tuple[int, int, bytes]] = []
    n_lines = 0
    while len(lines) < 2:
        end = text.find(b"\n", start)
        if end < 0:
            if len(text) > LONGEST_LINE:
                raise file.error(f"has no line end in its first {LONGEST_LINE:,} bytes.")
            more = next(blocks, b"")
            if more:
                text += more
                continue
            end = len(text)
            if start >= end:
                break
        n_lines += 1
        line = text[start:end]
        if not lines and line.startswith(b"#"):
            comment = n_lines
            commented = line
        elif line.strip():
            lines.append((n_lines, start, line))
        start = end + 1
    if comment > 0 and lines and _is_header(file, commented, lines[0][2], delimiter):
        lines = [(comment, 0, commented), *lines][:2]
    if len(lines) < 2:
        raise file.error(_too_short(text, len(lines)))
    (header_line, _, header), (line_number, start, row) = lines
    fields = _decoded(file, row, line_number), _decoded(file, header, header_line)
    delimiter = delimiter or _delimiter(file, *fields)
    columns, corner, trailing = _columns(file, fields[1], fields[0], delimiter, header_line)
    return Head(delimiter, columns, corner, trailing, header_line, line_number, text[start:])


def _too_short(text: bytes, n_lines: int) -> str:
    if not text.strip():
        return "is empty: a line of names and rows of numbers are expected."
    if b"\r" in text and b"\n" not in text:
        return "ends its lines with a carriage return alone: convert them to line feeds first."
    if n_lines == 0:
        return "holds comments only: a line of names and rows of numbers are expected."
    return "holds a single line: a line of names and rows of numbers are expected."


def _decoded(file: TextFile, line: bytes, number: int) -> str:
    try:
        return line.rstrip(b"\r").decode()
    except UnicodeDecodeError as error:
        failure = file.error(
            f"is not text in UTF-8: line {number} holds {line[error.start : error.start + 1]!r}. "
            "Convert it first."
        )
        failure.line = number
        raise failure from None


def _fields(line: str, delimiter: str) -> list[str]:
    """Split a line."""
    if '"' not in line:
        return line.split(delimiter)
    limit = csv.field_size_limit(LONGEST_LINE)
    try:
        return next(csv.reader([line], delimiter=delimiter), [""])
    finally:
        csv.field_size_limit(limit)


def _is_header(file: TextFile, comment: bytes, first: bytes, delimiter: str | None) -> bool:
    """Tell whether the names stand behind a `#`: the line below holds as many numbers."""
    row = _decoded(file, first, 1)
    for one in [delimiter] if delimiter else DELIMITERS:
        fields = _fields(row, one)
        names = _fields(comment.decode(errors="replace").rstrip("\r"), one)
        alike = len(names) > 1 and len(fields) - len(names) in (0, 1)
        if alike and all(map(_NUMBER.fullmatch, fields[1:])):
            return True
    return False


def _delimiter(file: TextFile, row: str, header: str) -> str:
    """Find the delimiter: that which leaves numbers behind the first field, and names to match."""
    best, most = None, 0
    for delimiter in DELIMITERS:
        fields, names = _fields(row, delimiter), _fields(header, delimiter)
        if len(fields) < 2 or not -1 <= len(fields) - len(names) <= 1:
            continue
        numbers = sum(_NUMBER.fullmatch(field) is not None for field in fields[1:])
        if numbers > most:
            best, most = delimiter, numbers
    if best is None:
        known = ", ".join(DELIMITERS.values())
        raise file.error(
            f"is not a table that is delimited by {known}: there is none that leaves a name and "
            f"numbers in the row {_short(row)}, as many as there are names in {_short(header)}. "
            "Name it with delimiter=…."
        )
    return best


def _columns(
    file: TextFile, header: str, row: str, delimiter: str, line: int
) -> tuple[list[str], str | None, bool]:
    """Match the names in the header with the fields of a row."""
    fields, names = _fields(row, delimiter), _fields(header, delimiter)
    names = [name.strip() for name in names]
    trailing = len(fields) > 2 and not fields[-1].strip()
    if trailing:
        fields.pop()
    corner = None
    if len(names) == len(fields) + 1 and not names[-1]:
        names.pop()
    if trailing and len(names) == len(fields) and not names[-1] and names[0]:
        names.pop()
    if len(names) == len(fields):
        corner = names.pop(0).removeprefix("#").strip()
    elif names[0].startswith("#"):
        names[0] = names[0].removeprefix("#").strip()
    if len(names) != len(fields) - 1 or not names:
        error = file.error(
            f"is ragged: its header, line {line}, holds {len(names) + (corner is not None)} fields "
            f"and the row below it {len(fields)}, delimited by a {_spelled(delimiter)}. A name "
            "for each column is expected, with or without one for the names of the rows."
        )
        error.line = line + 1
        raise error
    _check_header(file, names, line)
    return names, corner, trailing


def _check_header(file: TextFile, names: list[str], line: int) -> None:
    """Refuse a first line that is a row of numbers and no header."""
    if not all(_NUMBER.fullmatch(name) for name in names):
        return
    whole = [int(name) for name in names if re.fullmatch(r"\d+", name)]
    rises = all(a < b for a, b in itertools.pairwise(whole))
    if len(whole) < len(names) or not rises:
        error = file.error(
            f"has no header: line {line} holds the numbers {_short(' '.join(names))}, where names "
            "are expected. Put a line with the names of the columns above it."
        )
        error.line = line
        raise error


def _spelled(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
