"""Read and convert text matrices of genes and cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from cellclass._checks import listed
from cellclass._keys import TEXT_MATRIX
from cellclass._progress import Bar
from cellclass.io._cell_file import SUFFIXES, write_cells
from cellclass.io._gene_names import gene_frame
from cellclass.io._memory_size import n_bytes
from cellclass.io._orientation import Verdict, find_orientation
from cellclass.io._sparse_parts import SparseParts
from cellclass.io._text_head import DELIMITERS
from cellclass.io._text_rows import NotNarrowError, TextRows
from cellclass.io._whole_file import whole_file
from cellclass.kernels import by_column

if TYPE_CHECKING:
    from os import PathLike

Orientation = Literal["auto", "genes_by_cells", "cells_by_genes"]
DType = Literal["float32", "float64", "auto"]

ENTRIES_IN_MEMORY = 1 << 24
FEWEST_ENTRIES = 64


class _Options(NamedTuple):
    """How to read."""

    orientation: Orientation
    delimiter: str | None
    id_separator: str | None
    progress: bool | None


def read_gene_by_cell(
    path: str | PathLike[str],
    *,
    orientation: Orientation = "auto",
    delimiter: str | None = None,
    id_separator: str | None = "|",
    dtype: DType = "float32",
    progress: bool | None = None,
) -> AnnData:
    r"""Read a text matrix of genes and cells into memory.

    Use it for the tables that come with papers and atlases: CSV, TSV and the like, plain or
    compressed with gzip or zstd, which is told from the first bytes. A large one is better
    converted once, with :func:`convert_gene_by_cell`.

    **Layout.** The first line holds the names of the columns, with or without one for the names
    of the rows (R leaves it out); lines before it that begin with ``#`` are comments, unless they
    are the header. The first field of each row is its name. Names may be quoted, lines may end
    with a carriage return and a further delimiter, empty lines are skipped. Numbers are decimal
    with a point, and become what `float` makes of them, rounded to `dtype`.

    **Orientation.** Cells become rows whatever they were, and which they were is told from the
    names: identifiers such as Ensembl's, genes such as *ACTB*, barcodes of at least eight bases,
    words such as "cell", and the corner of the table. All that is found must agree; without any,
    names that are shaped like symbols and mostly differ in their letters, against names that
    differ in their digits only, are genes against cells. Where that does not tell, it is an
    error, never a guess: how many rows and columns there are is no evidence. Rows are judged by
    those among the first 4 MB.

    **Names of genes.** Where names hold `id_separator` and the same side of it is an identifier
    (of Ensembl and the like, or a number) in at least nine of ten, the other side becomes the
    name. A gene whose symbol is empty or also that of another gene goes by its identifier.

    Parameters
    ----------
    path
        A text file; UTF-8.
    orientation
        ``"genes_by_cells"`` if the rows of the file are genes, ``"cells_by_genes"`` if they are
        cells, or ``"auto"`` to find out.
    delimiter
        One character between fields. By default the one of tab, comma, semicolon and blank that
        leaves numbers in the first row, as many as there are names.
    id_separator
        What stands between identifier and symbol; None leaves names as they are.
    dtype
        ``"float32"`` refuses whole numbers that it cannot hold (odd ones above 16,777,216) and
        rounds other numbers; ``"auto"`` reads the file again as ``"float64"`` when that happens.
    progress
        Whether to show a progress bar after two seconds; by default in a terminal.

    Returns
    -------
    AnnData `(n_obs, n_vars)`, in the order of the file, with the fields:

    X : CSR float32 or float64 `(n_obs, n_vars)`
        The numbers; zeros are not stored.
    var["gene_ids"] : str `(n_vars,)`
        Identifiers, if the names were split.
    uns["text_matrix"] : dict
        `source` (name of the file), `orientation` of the file, `orientation_from` (what it was
        told from) and `delimiter`.

    Raises
    ------
    FileFormatError
        The compressed data is cut short or damaged, a row has too few or too many fields, a value
        is not a finite number (NaN and NA are not), a name is missing or there twice, the header
        is missing, or layout or orientation cannot be told. The message names line and column,
        and so do `line` and `column` of the error.
    ValueError
        An argument is none of what it can be.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import cellclass as cc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "counts.csv")
    ...     text = "gene,AAACCTGAG-1,AAACCTGTC-1\nACTB,3,0\nGAPDH,1,2\n"
    ...     _ = path.write_text(text)
    ...     adata = cc.io.read_gene_by_cell(path)
    >>> adata.to_df().loc["AAACCTGTC-1"].to_dict()
    {'ACTB': 0.0, 'GAPDH': 2.0}
    >>> adata.uns["text_matrix"]["orientation"]
    'genes_by_cells'
    """
    options = _options(orientation, delimiter, id_separator, progress)
    _check_dtype(dtype)
    path = Path(path)
    try:
        return _read(path, options, np.dtype("float32" if dtype == "auto" else dtype))
    except NotNarrowError:
        if dtype != "auto":
            raise
    return _read(path, options, np.dtype("float64"))


def convert_gene_by_cell(
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    orientation: Orientation = "auto",
    delimiter: str | None = None,
    id_separator: str | None = "|",
    dtype: DType = "float32",
    max_memory: int | str = "1GB",
    overwrite: bool = False,
    progress: bool | None = None,
) -> Path:
    r"""Convert a text matrix of genes and cells to h5ad or zarr, in bounded memory.

    What is written is what :func:`read_gene_by_cell` returns, which describes the layouts that
    are understood. The file is read once. Where its rows are genes, parts of `max_memory` are
    turned to cells and kept beside the result, 8 bytes for each number that is not 0, and joined.

    The result has its final name only when it is complete and on disk. Until then there is a
    folder ``.{name}.{host}-{process}-….partial`` beside it, which is removed at the end and on an
    error; after the process was killed, it is removed by the next conversion to the same name on
    the same computer.

    Parameters
    ----------
    path
        A text file, as in :func:`read_gene_by_cell`.
    out
        File to write; its suffix, ``.h5ad`` or ``.zarr``, says what it becomes.
    orientation, delimiter, id_separator, dtype, progress
        As in :func:`read_gene_by_cell`.
    max_memory
        How much memory the numbers may take at any time: bytes, or text such as ``"500MB"`` or
        ``"2 GiB"``. The names, and about 0.3 GB for the libraries and the text that is being
        read, come on top; a single cell is never split.
    overwrite
        Whether to replace `out` if it is there.

    Returns
    -------
    Path of the file that was written. `.X` is CSR, not compressed in h5ad.

    Raises
    ------
    FileFormatError
        As in :func:`read_gene_by_cell`. Nothing is left under the final name.
    FileExistsError
        `out` is there and `overwrite` is false.
    FileNotFoundError
        There is no such file, or no folder for `out`.
    ValueError
        An argument is none of what it can be.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import anndata
    >>> import cellclass as cc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "counts.tsv")
    ...     _ = path.write_text("cell\tACTB\tGAPDH\nc1\t3\t0\nc2\t1\t2\n")
    ...     out = cc.io.convert_gene_by_cell(path, path.with_suffix(".h5ad"))
    ...     anndata.read_h5ad(out).to_df().loc["c2"].to_dict()
    {'ACTB': 1.0, 'GAPDH': 2.0}
    """
    options = _options(orientation, delimiter, id_separator, progress)
    _check_dtype(dtype)
    path, out, memory = Path(path), Path(out), n_bytes(max_memory, "max_memory")
    if out.suffix not in SUFFIXES:
        raise ValueError(
            f"out={str(out)!r} does not say what to write: name it {out.stem}.h5ad or "
            f"{out.stem}.zarr."
        )
    with whole_file(out, overwrite=overwrite) as folder:
        made = folder / out.name
        try:
            _convert(path, made, options, np.dtype("float32" if dtype == "auto" else dtype), memory)
        except NotNarrowError:
            if dtype != "auto":
                raise
            _convert(path, made, options, np.dtype("float64"), memory)
    return out


def _options(
    orientation: Orientation,
    delimiter: str | None,
    id_separator: str | None,
    progress: bool | None,  # noqa: FBT001 - private
) -> _Options:
    """Check what is asked for."""
    if orientation not in get_args(Orientation):
        raise ValueError(f"orientation={orientation!r} is none of {get_args(Orientation)}.")
    if delimiter is not None and (
        len(delimiter) != 1
        or not delimiter.isascii()
        or delimiter in '"\r\n.+-'
        or delimiter.isalnum()
    ):
        raise ValueError(
            f"delimiter={delimiter!r} is not one character that can stand between numbers, such "
            r"as ',' or '\t'."
        )
    if id_separator == "":
        raise ValueError("id_separator is empty. Pass None to leave names as they are.")
    return _Options(orientation, delimiter, id_separator, progress)


def _check_dtype(dtype: DType) -> None:
    if dtype not in get_args(DType):
        raise ValueError(f"dtype={dtype!r} is none of {get_args(DType)}.")


def _read(path: Path, options: _Options, dtype: np.dtype) -> AnnData:
    """Read into memory."""
    with SparseParts(dtype) as parts:
        frame = _take_parts(path, options, parts, ENTRIES_IN_MEMORY)
        indptr = parts.indptr(frame.n_obs)
        _, _, indices, values = next(parts.blocks(indptr, int(indptr[-1])))
    frame.X = sparse.csr_matrix((values, indices, indptr), shape=frame.shape)
    return frame


def _convert(path: Path, made: Path, options: _Options, dtype: np.dtype, memory: int) -> None:
    """Write to a file, by way of another for the parts."""
    # what is read and what is sorted are there at once, and so are what is joined and its parts
    n_entries = max(FEWEST_ENTRIES, int(memory / (2.2 * (4 + dtype.itemsize))))
    spill = made.with_name("parts")
    with SparseParts(dtype, spill) as parts:
        frame = _take_parts(path, options, parts, n_entries)
        indptr = parts.indptr(frame.n_obs)
        with Bar(f"Writing {made.name}", frame.n_obs, show=options.progress) as bar:
            write_cells(made, frame, indptr, bar.over(parts.blocks(indptr, n_entries)))


def _take_parts(path: Path, options: _Options, parts: SparseParts, n_entries: int) -> AnnData:
    """Read all rows into parts of cells; return the AnnData without its matrix."""
    with (
        Bar(f"Reading {path.name}", path.stat().st_size, show=options.progress) as bar,
        TextRows(
            path,
            delimiter=options.delimiter,
            dtype=parts.dtype,
            most_entries=n_entries,
            bar=bar,
        ) as rows,
    ):
        verdict = _orientation(rows, options)
        genes_in_rows = verdict.orientation == "genes_by_cells"
        for part in rows.parts():
            if genes_in_rows:
                bounds, indices, values = by_column(
                    part.columns, part.numbers, part.row_ends, part.first_row, len(rows.columns)
                )
                parts.add(0, bounds, indices, values)
            else:
                bounds = np.concatenate([[0], part.row_ends])
                if bounds[-1] < part.columns.size:
                    bounds = np.append(bounds, part.columns.size)
                indices, values = part.columns.copy(), part.numbers.copy()
                parts.add(part.first_row, bounds, indices, values)
            del part, bounds, indices, values
        names = list(rows.row_names)
    genes, cells = (names, rows.columns) if genes_in_rows else (rows.columns, names)
    about = {
        "source": path.name,
        "orientation": verdict.orientation,
        "orientation_from": verdict.reason,
        "delimiter": DELIMITERS.get(rows.head.delimiter, rows.head.delimiter),
    }
    return AnnData(
        obs=pd.DataFrame(index=pd.Index(cells)),
        var=gene_frame(genes, options.id_separator),
        uns={TEXT_MATRIX: about},
    )


def _orientation(rows: TextRows, options: _Options) -> Verdict:
    """Return what was asked for, or what the names tell."""
    if options.orientation != "auto":
        return Verdict(options.orientation, "orientation=…")
    found = find_orientation(
        rows.sample_names, rows.columns, rows.head.corner, options.id_separator
    )
    if isinstance(found, Verdict):
        return found
    raise rows.file.error(
        f"does not tell whether its rows are genes or cells: {found}. Rows are named "
        f"{listed(map(repr, rows.sample_names), 3)}, columns "
        f"{listed(map(repr, rows.columns), 3)}. Pass "
        "orientation='genes_by_cells' or orientation='cells_by_genes'."
    )
