"""Write a file, or a folder, that has its final name only when it is complete."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cellclass._disk import writing
from cellclass.io._exchange import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_NAME = 100
_REPLACED = "replaced"


@contextmanager
def whole_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Make a temporary folder beside `out`, and move what is written there as `out.name` to `out`.

    The move happens on leaving without an error, after what was written has reached the disk, and
    is one step: at no moment does `out` name something incomplete. (Where the system cannot
    exchange two folders, one that is overwritten is gone for a moment before.) The folder is
    removed in any case. A process that is killed leaves it behind, named
    ``.{name}.{host}-{process}-….partial``; the next one to write `out` on that computer removes it,
    after it has put back what it would have replaced.

    Parameters
    ----------
    out
        The final name.
    overwrite
        Whether to replace what has that name.

    Raises
    ------
    FileExistsError
        Something has the name, and `overwrite` is false.
    FileNotFoundError
        The folder for it does not exist.
    WriteError
        The disk is full or read-only, a quota is used up, or writing is not permitted.
    """
    _remove_left_behind(out)
    check_free(out, overwrite=overwrite)
    prefix = f"{_prefix(out)}{os.getpid()}-"
    with writing(out, new=True):
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=out.parent))
    try:
        with writing(out):
            yield folder
            made = folder / out.name
            _to_disk(made)
            check_free(out, overwrite=overwrite)
            _place(made, out, aside=folder / _REPLACED)
            _to_disk(out.parent, inside=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(made: Path, out: Path, *, aside: Path) -> None:
    """Give what was made its name, in one step if that can be."""
    if not (out.is_dir() or (out.exists() and made.is_dir())):
        made.replace(out)
    elif not exchange(made, out):
        out.replace(aside)
        try:
            made.replace(out)
        except BaseException:
            aside.replace(out)
            raise


def check_free(out: Path, *, overwrite: bool) -> None:
    """Refuse a name that cannot be written to, or that is taken."""
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(out.parent)!r} to write {out.name!r} to. Make it first."
        )
    if out.exists() and not overwrite:
        raise FileExistsError(f"{str(out)!r} exists already. Pass overwrite=True to replace it.")


def _prefix(out: Path) -> str:
    return f".{out.name[:LONGEST_NAME]}.{re.sub(r'[^A-Za-z0-9]', '_', socket.gethostname())}-"


def _remove_left_behind(out: Path) -> None:
    """Remove folders of processes of this computer that run no more."""
    prefix = _prefix(out)
    for folder in out.parent.iterdir() if out.parent.is_dir() else ():
        if folder.name.startswith(prefix) and folder.name.endswith(".partial"):
            process = folder.name.removeprefix(prefix).split("-", 1)[0]
            if process.isdecimal() and not _runs(int(process)):
                if not out.exists() and (folder / _REPLACED).exists():  # killed in between
                    (folder / _REPLACED).replace(out)
                shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    """Tell whether a process runs; always on Windows, where asking would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _to_disk(path: Path, *, inside: bool = True) -> None:
    """Wait until a file, or all that is in a folder, has reached the disk."""
    if inside and path.is_dir():
        for entry in path.iterdir():
            _to_disk(entry)
    if path.is_dir() and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
