import pytest

from cellclass.errors import FileFormatError
from cellclass.io._text_file import TextFile
from cellclass.io._text_head import first_field, read_head


def head(tmp_path, text, delimiter=None, *, cut=None):
    path = tmp_path / "text"
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(data)
    with TextFile(path) as file:
        pieces = [data[:cut], data[cut:]] if cut else [data]
        return read_head(file, iter(pieces), delimiter)


@pytest.mark.parametrize(
    ("text", "delimiter", "columns", "corner"),
    [
        ("gene,a,b\nx,1,2\n", ",", ["a", "b"], "gene"),
        (",a,b\nx,1,2\n", ",", ["a", "b"], ""),
        ("a\tb\nx\t1\t2\n", "\t", ["a", "b"], None),
        ('"a" "b"\n"x y" 1 2\n', " ", ["a", "b"], None),
        ("id;a;b\nx;1;2", ";", ["a", "b"], "id"),
        ("id\ta,1\tb,1\nx,y\t1\t2\n", "\t", ["a,1", "b,1"], "id"),
        ("\ufeffid,a\r\nx,1\r\n", ",", ["a"], "id"),
        ("# made by\n#\nid,a\nx,1\n", ",", ["a"], "id"),
        ("# made by\n#id,a\nx,1\ny,2\n", ",", ["a"], "id"),
        ("#a\tb\nx\t1\t2\n", "\t", ["a", "b"], None),
        ("\n\nid,a\n\nx,1\n", ",", ["a"], "id"),
        (",0,1,2\nx,5,6,7\n", ",", ["0", "1", "2"], ""),
        ('id,"a ""b"", c"\nx,1\n', ",", ['a "b", c'], "id"),
        ("id,a,b\nx,NA,1\n", ",", ["a", "b"], "id"),
    ],
)
def test_layouts(tmp_path, text, delimiter, columns, corner):
    found = head(tmp_path, text)
    assert (found.delimiter, found.columns, found.corner) == (delimiter, columns, corner)
    assert not found.trailing
    data = text.encode().removeprefix(b"\xef\xbb\xbf")
    assert found.rest == b"\n".join(data.split(b"\n")[found.line - 1 :])
    for cut in range(4, len(text.encode())):
        assert head(tmp_path, text, cut=cut)[:6] == found[:6]


@pytest.mark.parametrize("header", ["id,a,b,", "id,a,b", "a,b,"])
def test_rows_that_end_with_a_delimiter(tmp_path, header):
    found = head(tmp_path, f"{header}\nx,1,2,\n")
    assert found.trailing
    assert found.columns == ["a", "b"]


def test_a_header_that_ends_with_a_delimiter(tmp_path):
    found = head(tmp_path, "id,a,b,\nx,1,2\n")
    assert (found.columns, found.trailing) == (["a", "b"], False)


def test_the_delimiter_that_is_asked_for(tmp_path):
    assert head(tmp_path, "id|a|b\nx|1|2\n", "|").columns == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("# a\n# b\n", "comments only"),
        ("id,a,b\n", "a single line"),
        ("id,a\rx,1\r", "carriage return"),
        ("id,a\nx\n", "delimited by"),
        ("id,a\nx,y\n", "delimited by"),
        ("id,a,b\nx,1,2,3,4\n", "delimited by"),
        (b"id,\xe4\nx,1\n", "UTF-8: line 1"),
        ("x,0,3,0\ny,1,2,3\n", "has no header"),
        ("x,0.5,1.5\ny,1,2\n", "has no header"),
        ("id,a\0\nx,1\n", "not text"),
    ],
)
def test_no_layout(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        head(tmp_path, text)


def test_ragged_for_the_delimiter_that_is_asked_for(tmp_path):
    with pytest.raises(FileFormatError, match="ragged: its header, line 1, holds 3") as caught:
        head(tmp_path, "id,a,b\nx,1,2,3,4\n", ",")
    assert caught.value.line == 2


def test_names_of_the_first_rows(tmp_path):
    found = head(tmp_path, 'id,a\nx,1\n\n"y, ""z""",2\r\nw,3')
    assert found.row_names() == ["x", 'y, "z"']
    assert head(tmp_path, "id,a\nx,1").row_names() == ["x"]
    assert first_field("a b\t1", "\t") == "a b"
