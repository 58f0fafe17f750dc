import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.kernels import text_rows as kernel


def read(text, n_columns, *, cuts=(), room=100, trailing=False, delimiter=","):
    """Read a text in pieces; return why it stopped, the state and the rows that were read."""
    state = np.zeros(kernel.N_STATE, dtype=np.int64)
    columns, values = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float32)
    ends, names = np.empty(room, dtype=np.int64), np.empty((room, 3), dtype=np.int64)
    hard = np.empty((room, 3), dtype=np.int64)
    rules = kernel.rules_of(delimiter, n_columns, trailing=trailing)
    found, rest, why = [], b"", kernel.END_OF_PIECE
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = rest + text[start:stop]
        state[kernel.POSITION] = 0
        behind = 1 + max(piece.rfind(b"\n"), piece.rfind(delimiter.encode()))
        padded = np.frombuffer(piece + bytes(kernel.PADDING), dtype=np.uint8)
        why = kernel.read_rows(padded, behind, rules, state, columns, values, ends, names, hard)
        spans = names[: state[kernel.N_NAMES]].tolist()
        found += [(piece[start:stop].decode(), line) for start, stop, line in spans]
        state[kernel.N_NAMES] = 0
        if why != kernel.END_OF_PIECE:
            break
        rest = piece[state[kernel.POSITION] :]
    n = state[kernel.N_ENTRIES]
    dense = np.zeros((state[kernel.N_ROWS], n_columns), dtype=np.float32)
    rows = np.repeat(np.arange(len(dense)), np.diff(ends[: len(dense)], prepend=0))
    dense[rows, columns[: rows.size]] = values[: rows.size]
    return why, state, dense, found, int(n)


TEXT = b'a,0,0,0,0,0,0,0,1\r\n\n"b,""c",0,12,0,0,0.5,0,0,0\nd,0,0,0,0,0,0,0,0\n'
ROWS = np.array([[0, 0, 0, 0, 0, 0, 0, 1], [0, 12, 0, 0, 0.5, 0, 0, 0], [0] * 8], dtype=np.float32)


@given(st.lists(st.integers(0, len(TEXT)), max_size=8).map(sorted))
def test_pieces_may_end_anywhere(cuts):
    why, state, dense, names, n_entries = read(TEXT, 8, cuts=cuts)
    assert why == kernel.END_OF_PIECE
    np.testing.assert_array_equal(dense, ROWS)
    assert names == [("a", 0), ('"b,""c"', 2), ("d", 3)]
    assert (state[kernel.LINE], state[kernel.COLUMN], n_entries) == (4, 0, 3)


@given(st.lists(st.integers(0, 24), max_size=5).map(sorted), st.sampled_from([b"\n", b"\r\n"]))
def test_rows_that_end_with_a_delimiter(cuts, end):
    text = b"a,1,2," + end + b"b,0,0," + end + b"c,3,0" + end
    why, _, dense, _, _ = read(text, 2, cuts=[c for c in cuts if c <= len(text)], trailing=True)
    assert why == kernel.END_OF_PIECE
    np.testing.assert_array_equal(dense, [[1, 2], [0, 0], [3, 0]])


@pytest.mark.parametrize(
    ("text", "why", "line", "column"),
    [
        (b"a,1,2\nb,1\n", kernel.TOO_FEW_FIELDS, 1, 1),
        (b"a,1,2\nb\n", kernel.TOO_FEW_FIELDS, 1, 0),
        (b"a,1,2,3\n", kernel.TOO_MANY_FIELDS, 0, 2),
        (b"a,1,2,\n", kernel.TOO_MANY_FIELDS, 0, 2),
        (b"a,1,x\n", kernel.NOT_A_NUMBER, 0, 2),
        (b"a,,1\n", kernel.NOT_A_NUMBER, 0, 1),
        (b"a,1 2,1\n", kernel.NOT_A_NUMBER, 0, 1),
        (b'a,"1,1\n', kernel.NOT_A_NUMBER, 0, 1),
        (b"a,1\r,1\n", kernel.NOT_A_NUMBER, 0, 1),
        (b'a,1,2\n"b,1,2\n', kernel.OPEN_QUOTE, 1, 0),
        (b'"b"c,1,2\n', kernel.OPEN_QUOTE, 0, 0),
        (b"a,1,16777217\n", kernel.NOT_NARROW, 0, 2),
    ],
)
def test_defects_and_their_place(text, why, line, column):
    found, state, *_ = read(text, 2)
    assert (found, state[kernel.LINE], state[kernel.COLUMN]) == (why, line, column)


def test_quoted_numbers_and_blanks():
    why, _, dense, _, _ = read(b'a, "1",2 \n', 2)
    assert why == kernel.END_OF_PIECE
    np.testing.assert_array_equal(dense, [[1, 2]])


def test_no_room():
    why, state, _, _, n_entries = read(b"a,1,2,3\n", 3, room=2)
    assert (why, n_entries, state[kernel.COLUMN]) == (kernel.NO_ROOM, 2, 3)
