"""Vectors of genes are read as they were written, or what is wrong is said with its place."""

import gzip
import re
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.errors import FileFormatError
from cellclass.io._gene_vectors import read_gene_vectors
from cellclass.io._text_file import zstd

TEXT = "2 3\nCD4 0.5 -1 2e-1\nCD8A 1 0 .25\n"
EXPECTED = pd.DataFrame(
    np.array([[0.5, -1, 0.2], [1, 0, 0.25]], dtype=np.float32),
    index=["CD4", "CD8A"],
    columns=["0", "1", "2"],
)
# whitespace of ASCII separates; a byte order mark may begin a file
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters=" \ufeff"),
    min_size=1,
    max_size=12,
)
NUMBERS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@pytest.fixture
def read(tmp_path):
    """Read text or bytes from a file."""

    def read(content):
        path = tmp_path / "vectors.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_gene_vectors(path)

    return read


@given(data=st.data())
def test_what_was_written_is_read(data, tmp_path_factory):
    numbers = data.draw(NUMBERS)
    n_genes, n_dims = numbers.shape
    names = data.draw(st.lists(NAMES, min_size=n_genes, max_size=n_genes, unique=True))
    gap, blank = (
        data.draw(st.sampled_from(["\t", " ", "  "])),
        data.draw(st.sampled_from(["", " "])),
    )
    end, last = data.draw(st.sampled_from(["\n", "\r\n"])), data.draw(st.sampled_from(["", "\n\n"]))
    header = data.draw(st.booleans()) or (names[0].isdecimal() and n_dims == 1)
    lines = [f"{n_genes} {n_dims}"] if header else []
    for name, row in zip(names, numbers, strict=True):
        lines.append(f"{name}{gap}{' '.join(f'{value:.9g}' for value in row)}{blank}")
    compress = data.draw(st.sampled_from([bytes, gzip.compress, zstd.compress]))
    path = tmp_path_factory.mktemp("vectors") / "vectors"
    path.write_bytes(compress((end.join(lines) + last).encode()))
    vectors = read_gene_vectors(path)
    assert vectors.index.tolist() == names
    assert vectors.columns.tolist() == [str(dim) for dim in range(n_dims)]
    assert set(vectors.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(vectors.to_numpy(), numbers)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("2 3\n", ""),
        TEXT.replace(" ", "\t"),
        TEXT.replace("\n", " \n"),
        TEXT.replace("CD4 ", "CD4\t"),
        "\ufeff\n" + TEXT.replace("\n", "\r\n\r\n"),
        TEXT.replace("2 3", "3 3") + "CD4\t0.50 -1.0 0.2\n",  # the same gene twice
    ],
)
def test_layouts(read, text):
    pd.testing.assert_frame_equal(read(text), EXPECTED)


def test_compressed_and_as_text(tmp_path):
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    for given_path in (path, str(path)):
        pd.testing.assert_frame_equal(read_gene_vectors(given_path), EXPECTED)


@pytest.mark.parametrize("name", ["NA", "nan", "None", "1", "MARCH1", "HLA-A", "OK/SW-CL.58", "β"])
def test_a_gene_may_have_any_name(read, name):
    assert read(f"1 2\n{name} 1 2\n").index.tolist() == [name]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", None, None, "is empty"),
        (" \n\n", None, None, "is empty"),
        ("0 3\n", None, None, "holds no genes"),
        ("2 3\nA 1 2 3\n", 1, None, "the header promises 2 lines with a gene each, and 1 follow"),
        ("1 3\nA 1 2 3\nB 1 2 3\n", 1, None, "promises 1 lines with a gene each, and 2 follow"),
        ("2 3\n", 1, None, "promises 2 lines with a gene each, and 0 follow"),
        ("1 3\nA 1 2\n", 2, None, "'A' has 2 numbers, where the header on line 1 promises 3"),
        ("\n1 1\nA 1 2\n", 3, None, "'A' has 2 numbers, where the header on line 2 promises 1"),
        ("A 1 2\n\nB 1\n", 3, None, "'B' has 1 numbers, where line 1 has 2"),
        ("A 1 2\nB 1 2 3\n", 2, None, "'B' has 3 numbers, where line 1 has 2"),
        ("A 1 2\nB\n", 2, None, "found 'B' alone"),
        ("A,1,2\n", 1, None, "found 'A,1,2' alone, where a gene and its numbers are expected"),
        ("x" * 99, 1, None, f"found '{'x' * 40}…' alone"),
        ("gene dim0 dim1\nA 1 2\n", 1, 2, "found 'dim0', which is no finite number"),
        ("A 1 2\nB 1 x\n", 2, 3, "found 'x', which is no finite number in float32"),
        ("A 1 nan\n", 1, 3, "found 'nan'"),
        ("A -inf 1\n", 1, 2, "found '-inf'"),
        ("A 1 1e39\n", 1, 3, "found '1e39'"),
        ("A 1 1_0\n", 1, 3, "found '1_0'"),
        ("A_B 1 ١\n", 1, 3, "found '١'"),
        ("A 0x1 1\n", 1, 2, "found '0x1'"),
        ("A 1 2\nB 3 4\nA 1 3\n", 3, None, "'A' has other numbers than on line 1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(read, tmp_path, text, line, column, words):
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        read(text)
    assert isinstance(raised.value, FileFormatError)
    assert (raised.value.path, raised.value.line) == (tmp_path / "vectors.txt", line)
    assert raised.value.column == column
    message = str(raised.value)
    assert message.startswith(repr(str(tmp_path / "vectors.txt")))
    assert line is None or f"line {line}" in message
    assert column is None or f"line {line}, column {column}: " in message


@pytest.mark.parametrize("numbers", [np.zeros(4), np.linspace(-1, 1, 4), np.full(4, 1e-3)])
def test_binary_word2vec(read, numbers):
    row = numbers.astype("<f4").tobytes()
    content = b"2 4\nCD4 " + row + b"\nCD8A " + row + b"\n"
    with pytest.raises(FileFormatError, match="binary=True") as raised:
        read(content)
    assert raised.value.line == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04\x95 a pickle", "line 1: found the byte b'\\x80'"),
        (b"CD4 1 2\nCD8\xe9 1 2\n", "line 2: found the byte b'\\xe9'"),
        (b"CD4 1 2\nCD8\0 1 \xe9\n", "line 2: found the byte b'\\x00'"),
        (b"PK\x03\x04 an archive of NumPy", "is a zip archive"),
        (gzip.compress(TEXT.encode() * 99)[:-20], "is cut short"),
    ],
)
def test_what_is_not_text(read, content, words):
    with pytest.raises(FileFormatError, match=re.escape(words)):
        read(content)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_gene_vectors(tmp_path / "vectors.txt")


@given(st.binary(max_size=200) | st.text(string.digits + "A .-e\t\n", max_size=60))
def test_anything_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        vectors = read_gene_vectors(path)
    except FileFormatError:
        return
    assert vectors.index.is_unique
    assert min(vectors.shape) > 0
    assert np.isfinite(vectors.to_numpy()).all()


def test_the_genes_of_gene2vec(real_data, tmp_path):
    """As many numbers as in the published file, which ends its lines with a blank."""
    with np.load(real_data / "gene2vec_surrogate_200.npz") as file:
        genes, numbers = file["genes"], file["vectors"].astype(np.float32)
    path = tmp_path / "vectors.txt"
    with path.open("w") as file:
        file.write(f"{len(genes)} {numbers.shape[1]}\n")
        for gene, row in zip(genes, numbers.tolist(), strict=True):
            file.write(f"{gene} {' '.join(map(str, row))} \n")
    vectors = read_gene_vectors(path)
    assert vectors.shape == (24_447, 200)
    assert vectors.index.tolist() == genes.tolist()
    np.testing.assert_array_equal(vectors.to_numpy(), numbers)
