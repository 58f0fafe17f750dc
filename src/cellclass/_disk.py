"""What a disk refused, or gave back damaged, in words."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cellclass.errors import CellclassError, FileFormatError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_FULL = "Free some space, or write to another disk."
_CLOSED = "Write to another folder."
#: What the system says, and what is to be done.
REFUSALS = {
    errno.ENOSPC: ("the disk is full", _FULL),
    errno.EDQUOT: ("the quota is used up", _FULL),
    errno.EFBIG: ("the file is larger than the system allows", "Write to another disk."),
    errno.EROFS: ("the disk is read-only", _CLOSED),
    errno.EIO: ("the disk has failed", "Write to another disk."),
}
#: The same, where something is made: elsewhere it may be about what is read.
CLOSED = {
    errno.EACCES: ("there is no permission", _CLOSED),
    errno.EPERM: ("there is no permission", _CLOSED),
    errno.ENOTDIR: ("a folder above it is a file", _CLOSED),
    errno.EEXIST: ("a folder above it is a file", _CLOSED),
    errno.ENAMETOOLONG: ("the name is too long", "Give a shorter one."),
}
# As HDF5 says it, and copies of folders.
_IN_TEXT = re.compile(r"errno = (\d+)|\[Errno (\d+)\]")

_LONGEST = 200
_UNPACKING = "filter returned failure"
_READERS = ("anndata", "h5py", "mudata", "numcodecs", "zarr")


@contextmanager
def writing(path: Path | str, *, new: bool = False) -> Iterator[None]:
    """Name the file that a disk did not take.

    Parameters
    ----------
    path
        What is being written.
    new
        Whether something is made, and nothing is read meanwhile.

    Raises
    ------
    WriteError
        The disk is full or read-only, a quota is used up, or writing is not permitted.
    """
    known = REFUSALS | CLOSED if new else REFUSALS
    try:
        yield
    except CellclassError:
        raise
    except (OSError, RuntimeError) as error:  # h5py raises either
        number = _number(error)
        if number not in known:
            raise
        why, advice = known[number]
        failed = WriteError(
            f"{str(path)!r} could not be written: {why} ({_short(error)}). Nothing incomplete has "
            f"that name. {advice}"
        )
        failed.errno = number
        raise failed from error


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Name the file that a library could not make sense of.

    Errors of others, and those that are about writing, stay what they are.

    Parameters
    ----------
    path
        What is being read: an h5ad, h5mu or zarr file.

    Raises
    ------
    FileFormatError
        The file was damaged, or is something else than its name says.
    """
    try:
        yield
    except (CellclassError, ImportError, MemoryError, Warning):
        raise
    except Exception as error:  # anything may come of bytes that were changed
        if _number(error) in REFUSALS or not _is_of_reader(error.__traceback__):
            raise
        if not Path(path).exists():
            raise FileNotFoundError(
                f"{str(path)!r} is not there any more: it was moved or removed while it was read."
            ) from error
        raise damaged(path, error) from error


def damaged(path: Path | str, error: BaseException) -> FileFormatError:
    """Return an error that names a file which cannot be read."""
    # HDF5 says the same where there was no memory to unpack what is whole.
    memory = ", or memory ran out while it was unpacked" if _UNPACKING in str(error) else ""
    found = FileFormatError(
        f"{str(path)!r} cannot be read as an {Path(path).suffix} file: it may be incomplete, "
        f"damaged or of another kind{memory} ({_short(error)}). Copy it or write it again."
    )
    found.path = Path(path)
    return found


def _is_of_reader(traceback: TracebackType | None) -> bool:
    """Tell whether a library that reads files is among what we called last."""
    below: set[str] = set()
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", "")).split(".")[0]
        if module == "cellclass":
            below.clear()
        below.add(module)
        traceback = traceback.tb_next
    return not below.isdisjoint(_READERS)


def _short(error: BaseException) -> str:
    """Cut short what is said of each of many files."""
    text = str(error)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _number(error: BaseException) -> int:
    """Return the system's number of an error, also where another one was raised while it was."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno:
            return seen.errno
        found = _IN_TEXT.search(str(seen))
        if found is not None:
            return int(found[1] or found[2])
        seen = seen.__context__
    return 0
