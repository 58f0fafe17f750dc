import gzip

import numpy as np
import pytest

from cellclass._progress import Bar
from cellclass.errors import FileFormatError
from cellclass.io import _text_file
from cellclass.io import _text_rows as module
from cellclass.io._text_rows import NotNarrowError, TextRows


def rows(path, **kwargs):
    return TextRows(path, **{"delimiter": None, "dtype": "float32", "most_entries": 100} | kwargs)


def dense(path, **kwargs):
    """Read a file and put its parts together."""
    with rows(path, **kwargs) as text:
        shape = None
        entries = []
        for part in text.parts():
            assert part.columns.size <= kwargs.get("most_entries", 100)
            ends = np.append(part.row_ends, part.columns.size)
            row = part.first_row + np.repeat(np.arange(ends.size), np.diff(ends, prepend=0))
            entries.append((row, part.columns.copy(), part.numbers.copy()))
        shape = len(text.row_names), len(text.columns)
        X = np.zeros(shape, dtype=part.numbers.dtype)
        for row, column, values in entries:
            X[row, column] = values
        return X, list(text.row_names)


@pytest.mark.parametrize("most_entries", [1, 2, 7, 1000])
def test_parts_are_bounded(tmp_path, monkeypatch, most_entries):
    monkeypatch.setattr(_text_file, "BLOCK_BYTES", 64)
    monkeypatch.setattr(_text_file, "READ_BYTES", 16)
    X = np.arange(60).reshape(12, 5) % 7
    path = tmp_path / "x.csv"
    lines = [f"g{i},{','.join(map(str, row))}" for i, row in enumerate(X.tolist())]
    path.write_text("\n".join(["id,a,b,c,d,e", *lines]))
    with Bar("Reading", path.stat().st_size, show=False) as bar:
        found, names = dense(path, most_entries=most_entries, bar=bar)
        assert bar.done == path.stat().st_size
    np.testing.assert_array_equal(found, X)
    assert names == [f"g{i}" for i in range(12)]


def test_numbers_that_are_left_to_float(tmp_path):
    texts = ["1.0000000596046448", "1e-320", "1" + "0" * 30, "0.1234567890123456789", "8e-46"]
    path = tmp_path / "x.csv"
    path.write_text("id,a,b,c,d,e\nx," + ",".join(texts))
    np.testing.assert_array_equal(dense(path, dtype="float64")[0][0], np.array(texts, dtype=float))
    texts[2] = "3"
    path.write_text("id,a,b,c,d,e\nx," + ",".join(texts))
    np.testing.assert_array_equal(dense(path)[0][0], np.array(texts, dtype=float).astype("f4"))


GOOD = "id,a,b\nx,1,2\ny,3,4\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (GOOD + "z,5\n", 4, 3, "the row has 2 fields, where the header on line 1 asks for 3"),
        (GOOD + "z\n", 4, 2, "the row has 1 fields"),
        (GOOD + "z,5,6,7\n", 4, 4, "more than the 3 fields"),
        (GOOD + "z,5", 4, 3, "the row has 2 fields"),
        (GOOD + "\n\nz,5,x\n", 6, 3, r"\('b'\): found 'x', which is not a finite number"),
        (GOOD + "z,NA,1\n", 4, 2, r"\('a'\): found 'NA'"),
        (GOOD + "z,1,nan\n", 4, 3, "found 'nan'"),
        (GOOD + "z,inf,1\n", 4, 2, "found 'inf'"),
        (GOOD + "z,,1\n", 4, 2, "found an empty field"),
        (GOOD + "z,1,1e999\nw,1,1\n", 4, 3, "found 1e999, which no float64 holds"),
        (GOOD + "x,1,1\n", 4, 1, "named 'x', and so is the one on line 2"),
        (GOOD + ",1,1\n", 4, 1, "no name"),
        (GOOD + '"z,1,1\nw,1,1\n', 4, 1, "not closed"),
        (GOOD + '"z,1,1', 4, 1, "not closed"),
        ("#\n" + GOOD.replace("a,b", "a,a"), 2, 3, "named 'a', and so is column 2"),
        (GOOD.replace("a,b", "a,"), 1, 3, "no name"),
        (GOOD + "z,1,16777217\n", 4, 3, "dtype='float64'"),
        (GOOD + "z,1,1e39\n", 4, 3, "dtype='float64'"),
    ],
)
def test_defects_are_named_with_line_and_column(tmp_path, text, line, column, message):
    path = tmp_path / "x.csv"
    for ends in ("\n", "\r\n"):
        path.write_bytes(text.replace("\n", ends).encode())
        with pytest.raises(FileFormatError, match=f"line {line}, column {column}") as caught:
            dense(path)
        assert (caught.value.line, caught.value.column) == (line, column)
        assert caught.value.path == path
        with pytest.raises(FileFormatError, match=message):
            dense(path)


def test_names_that_are_no_utf8(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(GOOD.encode() + b"\xe4,1,1\n")
    with pytest.raises(FileFormatError, match=r"line 4, column 1.*UTF-8"):
        dense(path)


def test_needs_float64(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(GOOD + "z,1,16777217\n")
    with pytest.raises(NotNarrowError):
        dense(path)
    assert dense(path, dtype="float64")[0][2, 1] == 16777217


def test_compressed_data_that_is_cut_short(tmp_path, monkeypatch):
    monkeypatch.setattr(_text_file, "READ_BYTES", 1000)
    rng = np.random.default_rng(0)
    lines = [f"g{i},{a},{b}" for i, (a, b) in enumerate(rng.integers(0, 99999, (30_000, 2)))]
    path = tmp_path / "x.csv.gz"
    data = gzip.compress(("id,a,b\n" + "\n".join(lines)).encode())
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(FileFormatError, match=r"cut short.*could be read up to line") as caught:
        dense(path, most_entries=100_000)
    assert 10_000 < caught.value.line < 30_000
    assert caught.value.path == path


def test_a_field_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_FIELD", 100)
    monkeypatch.setattr(_text_file, "BLOCK_BYTES", 50)
    monkeypatch.setattr(_text_file, "READ_BYTES", 50)
    path = tmp_path / "x.csv"
    path.write_text(GOOD + "z,1," + "1" * 1000)
    with pytest.raises(FileFormatError, match=r"line 4, column 3.*more than 100 bytes"):
        dense(path)
