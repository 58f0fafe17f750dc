"""The errors that a caller can cause, in one tree.

Every error says what was found, what was expected and the call that fixes it. Each class is also
a built-in error, so that ``except ValueError`` keeps working.
"""

__all__ = [
    "CellclassError",
    "DownloadError",
    "GeneError",
    "LabelError",
    "ModelFileError",
    "NotTrainedError",
    "ScaleError",
    "ValuesError",
]


class CellclassError(Exception):
    """Base of every error that is raised on purpose by cellclass."""


class ValuesError(CellclassError, ValueError):
    """The matrix holds values that have no meaning as expression: NaN, infinite, negative.

    Attributes
    ----------
    cell, gene
        Positions of the first such value, where they are known.
    """

    cell: int | None = None
    gene: int | None = None


class ScaleError(ValuesError):
    """The expression scale is not the one needed and cannot be converted exactly."""


class GeneError(CellclassError, ValueError):
    """Gene names are duplicated, or too few of them are the ones that the model knows."""


class LabelError(CellclassError, ValueError):
    """The label column cannot be learned from: missing, empty or a single label."""


class NotTrainedError(CellclassError, RuntimeError):
    """An answer was asked of a model that has not been trained."""


class ModelFileError(CellclassError, ValueError):
    """A saved model is incomplete, was altered, or is of another class or format."""


class DownloadError(CellclassError, OSError):
    """A file cannot be downloaded, or is not the one that is expected."""
