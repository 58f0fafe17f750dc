"""Read vectors of genes from the text format of word2vec."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass.errors import FileFormatError
from cellclass.io._text_file import TextFile
from cellclass.io._text_head import BOM

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

_HEADER = re.compile(rb"\s*(\d{1,18})\s+(\d{1,18})\s*")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MOST = float(np.finfo(np.float32).max)


def read_gene_vectors(path: str | PathLike[str]) -> pd.DataFrame:
    r"""Read vectors of genes from a word2vec text file.

    Each line holds a gene and its numbers, separated by blanks or tabs; a blank may end the line,
    as word2vec itself and Gene2Vec write it. A first line of two whole numbers is a header: the
    lines and the numbers on each that it promises must follow. A gene that is there again with
    the same numbers is read once.

    Parameters
    ----------
    path
        A text file in UTF-8; plain, or compressed with gzip or zstd, whatever its name.

    Returns
    -------
    Data frame `(n_genes, n_dims)` of finite float32, with the genes in the order of the file as
    its index, unique, and the columns ``"0"``, ``"1"``, … (strings, so that it can stand in
    `varm`).

    Raises
    ------
    FileFormatError
        The file is empty, compressed data cut short, or not text, such as binary word2vec; a line
        has too few or too many numbers, or something that is no finite number in float32; a gene
        is there again with other numbers; or the header promises another number of genes. `line`
        and `column` of the error say where.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "vectors.txt"
    ...     _ = path.write_text("2 3\nCD4 0.5 -1 2 \nCD8A\t1 0 0.25\n")
    ...     read_gene_vectors(path)
            0    1     2
    CD4   0.5 -1.0  2.00
    CD8A  1.0  0.0  0.25
    """
    with TextFile(Path(path)) as file:
        text = b"".join(file).removeprefix(BOM)
    _check_text(file, text)
    lines = text.split(b"\n")
    first = next((number for number, line in enumerate(lines, 1) if line.strip()), None)
    if first is None:
        raise file.error("is empty: lines of a gene and its numbers are expected.")
    header = _HEADER.fullmatch(lines[first - 1])
    n_promised, n_dims = map(int, header.groups()) if header else (None, None)

    vectors: dict[str, NDArray[np.float32]] = {}
    lines_of: dict[str, int] = {}
    n_rows = 0
    for number, line in enumerate(lines, 1):
        if not line.strip() or (header and number == first):
            continue
        name, numbers = _split(file, line, number)
        if n_dims is None:
            n_dims = len(numbers)
        elif len(numbers) != n_dims:
            rule = f"the header on line {first} promises" if header else f"line {first} has"
            what = f"{name!r} has {len(numbers)} numbers, where {rule} {n_dims}"
            raise _error(file, what, number)
        vector = _vector(file, numbers, number)
        if name not in vectors:
            vectors[name], lines_of[name] = vector, number
        elif not np.array_equal(vectors[name], vector):
            what = f"{name!r} has other numbers than on line {lines_of[name]}. Keep one of the two"
            raise _error(file, what, number)
        n_rows += 1
    if n_promised not in (None, n_rows):
        what = f"the header promises {n_promised} lines with a gene each, and {n_rows} follow"
        raise _error(file, f"{what}. The file is not whole: download or write it again", first)
    if not vectors:
        raise file.error("holds no genes.")
    return pd.DataFrame(
        np.stack(list(vectors.values())),
        index=pd.Index(list(vectors)),
        columns=[str(dim) for dim in range(n_dims or 0)],
    )


def _check_text(file: TextFile, text: bytes) -> None:
    """Refuse what is not text in UTF-8."""
    found = _CONTROL.search(text)
    position = found.start() if found else None
    try:
        text.decode()
    except UnicodeDecodeError as error:
        position = error.start if position is None else min(position, error.start)
    if position is not None:
        raise _error(
            file,
            f"found the byte {text[position : position + 1]!r}, which is not of a text in UTF-8. "
            "If these are binary vectors of word2vec, write them as text with gensim: "
            "KeyedVectors.load_word2vec_format(path, binary=True).save_word2vec_format(new_path). "
            "If it is text, convert it to UTF-8",
            text.count(b"\n", 0, position) + 1,
        )


def _split(file: TextFile, line: bytes, number: int) -> tuple[str, list[bytes]]:
    """Split a line into the gene and its numbers."""
    fields = line.split()
    name = fields[0].decode()
    if len(fields) == 1:
        shown = name if len(name) <= 40 else f"{name[:40]}…"
        what = f"found {shown!r} alone, where a gene and its numbers are expected, with blanks or "
        raise _error(file, f"{what}tabs between them", number)
    return name, fields[1:]


def _vector(file: TextFile, numbers: list[bytes], line: int) -> NDArray[np.float32]:
    """Convert the numbers of a line."""
    try:
        values = np.array(list(map(float, numbers)))
        good = bool((np.abs(values) <= _MOST).all())  # NaN is not
    except ValueError:
        good = False
    # Python reads 1_000 as a number; nobody else does
    if good and b"_" not in b" ".join(numbers):
        return values.astype(np.float32)
    column, found = next((at, text) for at, text in enumerate(numbers, 2) if not _is_number(text))
    what = f"found {found.decode()[:40]!r}, which is no finite number in float32"
    raise _error(file, what, line, column)


def _is_number(text: bytes) -> bool:
    try:
        return abs(float(text)) <= _MOST and b"_" not in text
    except ValueError:
        return False


def _error(file: TextFile, what: str, line: int, column: int | None = None) -> FileFormatError:
    """Make an error that names the place; the genes are column 1."""
    place = f"line {line}" if column is None else f"line {line}, column {column}"
    error = FileFormatError(f"{str(file.path)!r}, {place}: {what}.")
    error.path, error.line, error.column = file.path, line, column
    return error
