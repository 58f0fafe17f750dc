"""The errors that a caller can cause, in one tree.

Every error says what was found, what was expected and the call that fixes it. Each class is also
a built-in error, so that ``except ValueError`` keeps working.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CellclassError",
    "DownloadError",
    "FileFormatError",
    "GeneError",
    "LabelError",
    "ModelFileError",
    "NotTrainedError",
    "ScaleError",
    "ValuesError",
    "WriteError",
]


class CellclassError(Exception):
    """Base of every error that is raised on purpose by cellclass.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(20, 100)
    >>> try:
    ...     cc.get.predictions_df(adata)
    ... except KeyError as error:  # what is asked for wrongly raises built-in errors ...
    ...     print(type(error).__name__)
    KeyError
    >>> adata.X = -adata.X
    >>> try:
    ...     cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    ... except cc.errors.CellclassError as error:  # ... and unfit data one of these
    ...     print(type(error).__name__)
    ScaleError
    """


class ValuesError(CellclassError, ValueError):
    """The matrix holds values that have no meaning as expression: NaN, infinite, negative.

    Attributes
    ----------
    cell, gene
        Positions of the first such value, where they are known.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(20, 100)
    >>> adata.X.data[0] = float("nan")
    >>> try:
    ...     cc.pp.identify_scale(adata)
    ... except cc.errors.ValuesError as error:
    ...     print("NaN" in str(error))
    True
    """

    cell: int | None = None
    gene: int | None = None


class ScaleError(ValuesError):
    """The expression scale is not the one needed and cannot be converted exactly.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(20, 100)
    >>> adata.X = -adata.X
    >>> try:
    ...     cc.pp.normalize_scale(adata)
    ... except cc.errors.ScaleError as error:
    ...     print("negative" in str(error))
    True
    """


class GeneError(CellclassError, ValueError):
    """Gene names are duplicated, or too few of them are the ones that the model knows.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(20, 100)
    >>> adata.var_names = ["same"] * 100
    >>> try:
    ...     cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    ... except cc.errors.GeneError as error:
    ...     print("same" in str(error))
    True
    """


class LabelError(CellclassError, ValueError):
    """The label column cannot be learned from: missing, empty or a single label.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(20, 100)
    >>> adata.obs["cell_type"] = "the only one"
    >>> try:
    ...     cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    ... except cc.errors.LabelError as error:
    ...     print("the only one" in str(error))
    True
    """


class NotTrainedError(CellclassError, RuntimeError):
    """An answer was asked of a model that has not been trained.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    >>> try:
    ...     cc.model.CellClassifierMLP(adata, validation_size=0.2).predict(adata)
    ... except cc.errors.NotTrainedError as error:
    ...     print("model.train()" in str(error))
    True
    """


class ModelFileError(CellclassError, ValueError):
    """A saved model is incomplete, was altered, or is of another class or format.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import cellclass as cc
    >>> try:
    ...     cc.model.CellClassifierMLP.load(mkdtemp())
    ... except cc.errors.ModelFileError as error:
    ...     print("not a model saved by cellclass" in str(error))
    True
    """


class DownloadError(CellclassError, OSError):
    """A file cannot be downloaded, or is not the one that is expected.

    Examples
    --------
    >>> import cellclass as cc
    >>> issubclass(cc.errors.DownloadError, OSError)
    True
    """


class FileFormatError(CellclassError, ValueError):
    r"""A file is not what it should be: cut short, damaged, or not a table of numbers.

    Attributes
    ----------
    path
        The file.
    line, column
        Where in it, counted from 1, where that is known; the column is that of a table, not that
        of a character.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import cellclass as cc
    >>> path = Path(mkdtemp()) / "counts.tsv"
    >>> _ = path.write_text("gene\tcell_1\tcell_2\nCD3D\t1\t0\nCST3\t0\tmany\n")
    >>> try:
    ...     cc.io.read_gene_by_cell(path)
    ... except cc.errors.FileFormatError as error:
    ...     print(error.line, error.column)
    3 3
    """

    path: Path | None = None
    line: int | None = None
    column: int | None = None


class WriteError(CellclassError, OSError):
    """A file could not be written: the disk is full or read-only, or there is no permission.

    Attributes
    ----------
    errno
        The system's number for it.

    Examples
    --------
    >>> import cellclass as cc
    >>> issubclass(cc.errors.WriteError, OSError)
    True
    """
