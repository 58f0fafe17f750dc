"""Answers for some cells of a file after the other, which outlive the process that found them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout

from cellclass._disk import writing
from cellclass.model._scores import ScoredPart

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Cells of a part: what is lost, at most, when a process ends early.
PART_CELLS = 1 << 16
_ABOUT = "about.json"
# What a part raises that was damaged.
_DAMAGE = (
    EOFError, KeyError, NotImplementedError, OSError, TypeError, ValueError, BadZipFile, zlib.error,
)  # fmt: skip


class AnswerParts:
    """Answers in files, each of which has its name only when it is complete.

    Parameters
    ----------
    folder
        Where they are, made if need be.
    about
        What they are answers to, in types that JSON holds: parts of anything else are removed.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        text = json.dumps(about, sort_keys=True)
        known = folder / _ABOUT
        if known.exists() and known.read_text(encoding="utf-8") == text:
            return
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        self._write(_ABOUT, text.encode())

    def n_done(self) -> int:
        """How many cells have been answered, from the first one on."""
        n = 0
        while (self.folder / _name(n)).exists():
            try:
                n += len(self.load(n).novelty_pvalue)
            except _DAMAGE:  # zip files have a checksum: these cells are answered again
                break
        return n

    def add(self, parts: list[ScoredPart]) -> None:
        """Keep answers for neighbouring cells."""
        first = parts[0].rows.start
        path = self.folder / f"{_name(first)}.new"
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ScoredPart._fields
            if name != "rows"
        }
        with path.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        path.replace(self.folder / _name(first))

    def load(self, first: int) -> ScoredPart:
        """Return the part that begins with a cell."""
        with np.load(self.folder / _name(first)) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        return ScoredPart(rows=slice(first, first + len(found["empty"])), **found)

    def all(self, n_obs: int) -> Iterator[ScoredPart]:
        """Walk over the answers for all cells."""
        first = 0
        while first < n_obs:
            part = self.load(first)
            yield part
            first = part.rows.stop

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / f"{name}.new"
        path.write_bytes(data)
        path.replace(self.folder / name)


@contextmanager
def only_process(out: Path) -> Iterator[Path]:
    """Keep other processes from writing the same file meanwhile; yields a folder name for parts."""
    lock = FileLock(out.parent / f".{out.name}.lock")
    try:
        with writing(out, new=True):
            lock.acquire(timeout=0)
    except Timeout:
        raise FileExistsError(
            f"Another process is writing {str(out)!r}. Wait for it, or give another name."
        ) from None
    try:
        with writing(out):
            yield out.parent / f".{out.name}.parts"
    finally:
        if sys.platform != "win32":  # where releasing removes it
            # While it is held: afterwards it may be the lock of another process already.
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _name(first: int) -> str:
    return f"{first:012d}.npz"
