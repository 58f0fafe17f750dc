"""Read the rows of a text matrix as sparse parts of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass.errors import FileFormatError
from cellclass.io._text_file import TextFile
from cellclass.io._text_head import SAMPLE_ROWS, Head, read_head, unquoted
from cellclass.kernels import text_rows as kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import NoReturn, Self

    from numpy.typing import DTypeLike, NDArray

    from cellclass._progress import Bar

MOST_ROWS = 1 << 16
MOST_NAMES = 1 << 12
MOST_HARD = 1 << 16
LONGEST_FIELD = 1 << 24


class RowPart(NamedTuple):
    """Entries that are not 0, of some rows; the arrays are used again for the next part."""

    first_row: int
    row_ends: NDArray[np.int64]
    """Entries up to the end of each row; those behind are of a row that goes on."""
    columns: NDArray[np.int32]
    numbers: NDArray[np.floating]


class NotNarrowError(FileFormatError):
    """A number is met that needs float64."""


class TextRows:
    """A text matrix: its layout at once, its rows by iterating over `parts`.

    Parameters
    ----------
    path
        Text file, plain or compressed.
    delimiter
        What stands between fields; found out by default.
    dtype
        float32 or float64.
    most_entries
        Entries of a part.
    bar
        What is told how many bytes are read.

    Attributes
    ----------
    head, columns
        The layout, and the names of the columns.
    sample_names
        Names of the first rows.
    row_names
        Names of the rows that were read, each with its line.

    Raises
    ------
    FileFormatError
        Of the first lines at once, of the others while iterating.
    """

    def __init__(
        self,
        path: Path,
        *,
        delimiter: str | None,
        dtype: DTypeLike,
        most_entries: int,
        bar: Bar | None = None,
    ) -> None:
        self.file = TextFile(path)
        self.bar, self.dtype, self.most_entries = bar, np.dtype(dtype), most_entries
        self.row_names: dict[str, int] = {}
        try:
            self._blocks = iter(self.file)
            self.head: Head = read_head(self.file, self._blocks, delimiter)
        except BaseException:
            self.close()
            raise
        self.columns = self.head.columns
        self._check_columns()
        self.sample_names = self.head.row_names()[:SAMPLE_ROWS]

    def _check_columns(self) -> None:
        """Refuse columns without a name or with the name of another."""
        seen: dict[str, int] = {}
        for column, name in enumerate(self.columns, 1):
            if not name or name in seen:
                self.close()
                what = (
                    f"the column is named {name!r}, and so is column {seen[name] + 1}. Names must "
                    "be unique"
                    if name
                    else "the column has no name"
                )
                raise self._error(what, self.head.header_line, column)
            seen[name] = column

    def close(self) -> None:
        """Close the file, and end the thread that reads it."""
        if hasattr(self, "_blocks"):
            self._blocks.close()  # type: ignore[attr-defined]
        self.file.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pieces(self) -> Iterator[bytes]:
        """Yield the text from the first row on; the last line ends with a line feed."""
        piece = self.head.rest
        while piece:
            if self.bar is not None:
                self.bar.reach(self.file.progress)
            try:
                following = next(self._blocks, b"")
            except FileFormatError as error:
                yield piece
                self._fail(error)
            if not following and not piece.endswith(b"\n"):
                piece += b"\n"
            yield piece
            piece = following

    def parts(self) -> Iterator[RowPart]:
        """Yield the rows in parts of at most `most_entries` entries; names go to `row_names`."""
        rules = kernel.rules_of(self.head.delimiter, len(self.columns), trailing=self.head.trailing)
        self._state = state = np.zeros(kernel.N_STATE, dtype=np.int64)
        state[kernel.LINE] = self.head.line
        columns = np.empty(self.most_entries, dtype=np.int32)
        values = np.empty(self.most_entries, dtype=self.dtype)
        row_ends = np.empty(min(MOST_ROWS, max(64, self.most_entries)), dtype=np.int64)
        names = np.empty((MOST_NAMES, 3), dtype=np.int64)
        hard = np.empty((min(MOST_HARD, self.most_entries), 3), dtype=np.int64)
        first_row, rest = 0, b""
        for piece in self._pieces():
            text = rest + piece
            stop = 1 + max(text.rfind(b"\n"), text.rfind(self.head.delimiter.encode()))
            padded = np.frombuffer(text + bytes(kernel.PADDING), dtype=np.uint8)
            state[kernel.POSITION] = 0
            while True:
                why = kernel.read_rows(
                    padded, stop, rules, state, columns, values, row_ends, names, hard
                )
                self._take_names(text, names[: state[kernel.N_NAMES]])
                self._take_hard(text, hard[: state[kernel.N_HARD]], values, columns)
                if why != kernel.NO_ROOM:
                    break
                n_entries, n_rows = state[kernel.N_ENTRIES], state[kernel.N_ROWS]
                if n_entries == columns.size or n_rows == row_ends.size:
                    yield RowPart(
                        first_row, row_ends[:n_rows], columns[:n_entries], values[:n_entries]
                    )
                    first_row += int(n_rows)
                    state[kernel.N_ENTRIES] = state[kernel.N_ROWS] = 0
            if why != kernel.END_OF_PIECE:
                raise self._defect(why, text)
            rest = text[state[kernel.POSITION] :]
            if len(rest) > LONGEST_FIELD:
                raise self._error(
                    f"a field has more than {LONGEST_FIELD:,} bytes",
                    int(state[kernel.LINE]),
                    int(state[kernel.COLUMN]),
                )
        if rest:
            raise self._defect(kernel.OPEN_QUOTE, rest)
        n_entries, n_rows = state[kernel.N_ENTRIES], state[kernel.N_ROWS]
        yield RowPart(first_row, row_ends[:n_rows], columns[:n_entries], values[:n_entries])

    def _take_names(self, text: bytes, spans: NDArray[np.int64]) -> None:
        """Keep the names of rows."""
        for start, stop, line in spans.tolist():
            try:
                name = unquoted(text[start:stop].decode().strip())
            except UnicodeDecodeError:
                raise self._error(
                    f"a row is named {text[start:stop]!r}, which is not text in UTF-8", line, 0
                ) from None
            if not name:
                raise self._error("the row has no name", line, 0)
            if name in self.row_names:
                raise self._error(
                    f"the row is named {name!r}, and so is the one on line "
                    f"{self.row_names[name]}. Names must be unique",
                    line,
                    0,
                )
            self.row_names[name] = line
        self._state[kernel.N_NAMES] = 0

    def _take_hard(
        self,
        text: bytes,
        spans: NDArray[np.int64],
        values: NDArray[np.floating],
        columns: NDArray[np.int32],
    ) -> None:
        """Read the numbers that the kernel has left to `float`."""
        most = float(np.finfo(self.dtype).max)
        for entry, start, stop in spans.tolist():
            number = text[start:stop].decode()
            value = float(number)
            if abs(value) > most or (
                value.is_integer() and float(np.array(value, self.dtype)) != value
            ):
                place = self._line_of(text, start), int(columns[entry]) + 1
                if abs(value) == float("inf"):
                    raise self._error(f"found {number}, which no float64 holds", *place)
                raise self._not_narrow(number, *place)
            values[entry] = value
        self._state[kernel.N_HARD] = 0

    def _line_of(self, text: bytes, position: int) -> int:
        """Return the line of a position before the one that was reached."""
        state = self._state
        return int(state[kernel.LINE]) - text.count(b"\n", position, int(state[kernel.POSITION]))

    def _error(
        self, what: str, line: int, column: int | None = None, kind: type = FileFormatError
    ) -> FileFormatError:
        """Make an error that names the place; `column` counts from the names of the rows, 0."""
        where = f"{str(self.file.path)!r}, line {line}"
        if column is not None:
            name = f" ({self.columns[column - 1]!r})" if 0 < column <= len(self.columns) else ""
            where += f", column {column + 1}{name}"
        error: FileFormatError = kind(f"{where}: {what}.")
        error.path, error.line = self.file.path, line
        error.column = None if column is None else column + 1
        return error

    def _not_narrow(self, number: str, line: int, column: int) -> FileFormatError:
        return self._error(
            f"found {number}, which float32 cannot hold exactly. Ask for dtype='float64'",
            line,
            column,
            NotNarrowError,
        )

    def _defect(self, why: int, text: bytes) -> FileFormatError:
        """Say what the kernel stopped at."""
        line, column = int(self._state[kernel.LINE]), int(self._state[kernel.COLUMN])
        start = int(self._state[kernel.POSITION])
        ends = [text.find(mark, start) for mark in (b"\n", self.head.delimiter.encode())]
        field = text[start : min(end for end in [*ends, len(text)] if end >= 0)]
        found = field.decode(errors="replace").strip()
        if why == kernel.NOT_NARROW:
            return self._not_narrow(found, line, column)
        if why == kernel.OPEN_QUOTE:
            return self._error(f"the quotes around the name {found[:40]!r} are not closed", line, 0)
        if why == kernel.NOT_A_NUMBER:
            shown = f"{found[:40]!r}, which is not a finite number" if found else "an empty field"
            return self._error(
                f"found {shown}. Every value must be one: missing ones have no meaning as "
                "expression",
                line,
                column,
            )
        n_fields = len(self.columns) + 1
        if why == kernel.TOO_FEW_FIELDS:
            return self._error(
                f"the row has {column + 1} fields, where the header on line "
                f"{self.head.header_line} asks for {n_fields}",
                line,
                column + 1,
            )
        return self._error(
            f"the row has more than the {n_fields} fields that the header on line "
            f"{self.head.header_line} asks for",
            line,
            n_fields,
        )

    def _fail(self, error: FileFormatError) -> NoReturn:
        """Add to an error of the file how far it could be read."""
        line = int(self._state[kernel.LINE])
        more = self._error("", line)
        more.args = (f"{error} It could be read up to line {line}, which is not whole.",)
        raise more from None
