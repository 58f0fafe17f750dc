"""What a disk refused, in words."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cellclass.errors import CellclassError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@contextmanager
def writing(path: Path, *, new: bool = False) -> Iterator[None]:
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
            f"{str(path)!r} could not be written: {why} ({_short(error)}). Nothing incomplete has that "
            f"name. {advice}"
        )
        failed.errno = number
        raise failed from error


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
