"""Turn rows of a text matrix into sparse entries.

The kernel is called on pieces of the text and keeps its place in `state`, so that a piece may end
within a row, though not within a field. It releases the interpreter lock.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from cellclass.kernels._text_numbers import (
    EXACT,
    HARD,
    NO_NUMBER,
    TOO_WIDE,
    load_word,
    read_number,
)

Int = int | np.integer

# the places of `state`
POSITION, COLUMN, LINE, N_ENTRIES, N_ROWS, N_NAMES, N_HARD = range(7)
N_STATE = 7
# why the kernel stopped
(
    END_OF_PIECE,
    NO_ROOM,
    NOT_A_NUMBER,
    NOT_NARROW,
    TOO_FEW_FIELDS,
    TOO_MANY_FIELDS,
    OPEN_QUOTE,
) = range(7)

PADDING = 16
"""Bytes that must follow the text, so that a word can be loaded anywhere in it."""

_DELIMITER, _NEWLINE, _RETURN, _ROW_TOO_LONG, _OTHER, _UNSEEN = range(6)


class Rules(NamedTuple):
    """How the text is laid out."""

    delimiter: int
    n_columns: int
    trailing: bool
    """Whether each row ends with a delimiter."""
    zeros: np.uint64
    """The word in which zeros and delimiters alternate."""


def rules_of(delimiter: str, n_columns: int, *, trailing: bool) -> Rules:
    """Describe the layout of the text to the kernel."""
    zeros = np.frombuffer(f"0{delimiter}".encode() * 4, dtype=np.uint64)[0]
    return Rules(ord(delimiter), n_columns, trailing, zeros)


@numba.njit(nogil=True, cache=True)
def _ending(text: np.ndarray, p: Int, stop: Int, delimiter: Int) -> int:
    """Tell what a field ends with."""
    if text[p] == delimiter:
        return _DELIMITER
    if text[p] == ord("\n"):
        return _NEWLINE
    if text[p] == ord("\r"):
        if p + 1 >= stop:
            return _UNSEEN
        return _RETURN if text[p + 1] == ord("\n") else _OTHER
    return _OTHER


@numba.njit(nogil=True, cache=True)
def _end_of_name(text: np.ndarray, start: Int, stop: Int, delimiter: Int) -> tuple[Int, int]:
    """Find the end of the name that begins a row; returns it and `END_OF_PIECE` if it is there.

    The end is -1 where the name goes on behind the piece.
    """
    p = start
    if text[p] != ord('"'):
        while p < stop and text[p] != delimiter and text[p] != ord("\n"):
            p += 1
        return (p if p < stop else -1), END_OF_PIECE
    p += 1
    while p < stop:
        if text[p] == ord("\n"):
            return p, OPEN_QUOTE
        if text[p] == ord('"'):
            if p + 1 >= stop:
                return -1, END_OF_PIECE
            if text[p + 1] != ord('"'):
                return p + 1, END_OF_PIECE
            p += 1
        p += 1
    return -1, END_OF_PIECE


@numba.njit(nogil=True, cache=True)
def _field(
    text: np.ndarray,
    start: Int,
    delimiter: Int,
    narrow: bool,  # noqa: FBT001 - compiled
) -> tuple[int, float, Int, Int, Int]:
    """Read a number with what may stand around it: blanks and quotes.

    Returns status, value, the position behind the field, and where the number begins and ends.
    """
    p = start
    while text[p] == ord(" ") and delimiter != ord(" "):
        p += 1
    quoted = text[p] == ord('"')
    p += np.int64(quoted)
    begin = p
    status, value, p = read_number(text, begin, narrow)
    end = p
    if quoted:
        if text[p] != ord('"'):
            return NO_NUMBER, value, p, begin, end
        p += 1
    while text[p] == ord(" ") and delimiter != ord(" "):
        p += 1
    return status, value, p, begin, end


@numba.njit(nogil=True, cache=True)
def read_rows(
    text: np.ndarray,
    stop: Int,
    rules: Rules,
    state: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    row_ends: np.ndarray,
    names: np.ndarray,
    hard: np.ndarray,
) -> int:
    """Read on from ``state[POSITION]`` up to `stop`, which is behind a delimiter or a line end.

    Parameters
    ----------
    text
        uint8; `PADDING` zeros follow what is to be read.
    stop
        Where to stop.
    rules
        The layout.
    state
        int64 `(7,)`: position, field of the row (0 for its name), line, and how many entries,
        rows, names and hard numbers there are.
    columns, values
        Entries that are not 0: int32 columns and float32 or float64 values.
    row_ends
        int64: entries up to the end of each row.
    names
        int64 `(…, 3)`: where the name of each row begins and ends, and its line.
    hard
        int64 `(…, 3)`: entries whose value is left to `float`, and where they begin and end.

    Returns
    -------
    Why it stopped. The state is that before the field that it stopped at.
    """
    p, column, line = state[POSITION], state[COLUMN], state[LINE]
    n_entries, n_rows, n_names, n_hard = (
        state[N_ENTRIES],
        state[N_ROWS],
        state[N_NAMES],
        state[N_HARD],
    )
    delimiter, n_columns = rules.delimiter, rules.n_columns
    narrow = values.itemsize == 4
    why, end, value = END_OF_PIECE, p, 0.0
    while p < stop:
        if column == 0:
            ending = _ending(text, p, stop, delimiter)
            if ending in (_NEWLINE, _RETURN):
                p += 1 + np.int64(ending == _RETURN)
                line += 1
                continue
            if n_names == names.shape[0] or n_rows == row_ends.size:
                why = NO_ROOM
                break
            end, why = _end_of_name(text, p, stop, delimiter)
            if why != END_OF_PIECE or end < 0 or end >= stop:
                break
            if text[end] != delimiter:
                if text[p] == ord('"') and _ending(text, end, stop, delimiter) == _OTHER:
                    why = OPEN_QUOTE
                else:
                    why = TOO_FEW_FIELDS
                break
            names[n_names, 0], names[n_names, 1], names[n_names, 2] = p, end, line
            n_names += 1
            p = end + 1
            column = 1
            continue
        while n_columns - column >= 4 and load_word(text, p) == rules.zeros:
            p += 8
            column += 4
        if p >= stop:
            break
        digit = text[p] - np.uint8(ord("0"))
        after = text[p + 1]
        status, value, end = EXACT, float(digit), p + 1
        begin, behind = p, p + 1
        if digit > 9 or (after != delimiter and after != ord("\n")):
            status, value, end, begin, behind = _field(text, p, delimiter, narrow)
        ending = _ending(text, end, stop, delimiter)
        if ending == _DELIMITER and column == n_columns:
            ending = _ROW_TOO_LONG
            if rules.trailing:
                if end + 1 >= stop:
                    break
                ending = _ending(text, end + 1, stop, delimiter)
                end += np.int64(ending in (_NEWLINE, _RETURN))
                ending = _ROW_TOO_LONG if ending in (_DELIMITER, _OTHER) else ending
        if ending == _UNSEEN:
            break
        if status == NO_NUMBER or ending == _OTHER:
            why = NOT_A_NUMBER
            break
        if ending == _ROW_TOO_LONG:
            why = TOO_MANY_FIELDS
            break
        if ending != _DELIMITER and column < n_columns:
            why = TOO_FEW_FIELDS
            break
        if status == TOO_WIDE:
            why = NOT_NARROW
            break
        if status == HARD or value != 0:
            if n_entries == columns.size or n_hard == hard.shape[0]:
                why = NO_ROOM
                break
            if status == HARD:
                hard[n_hard, 0], hard[n_hard, 1], hard[n_hard, 2] = n_entries, begin, behind
                n_hard += 1
            columns[n_entries] = column - 1
            values[n_entries] = value
            n_entries += 1
        p = end + 1
        column += 1
        if ending != _DELIMITER:
            p += np.int64(ending == _RETURN)
            row_ends[n_rows] = n_entries
            n_rows += 1
            column = 0
            line += 1
    state[POSITION], state[COLUMN], state[LINE] = p, column, line
    state[N_ENTRIES], state[N_ROWS], state[N_NAMES], state[N_HARD] = (
        n_entries,
        n_rows,
        n_names,
        n_hard,
    )
    return why
