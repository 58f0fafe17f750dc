"""Find a file in the cache, or download it, and verify it."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cellclass._disk import writing
from cellclass._download._folder import DATA_DIR, cache_folder
from cellclass._download._resuming import Resuming, is_current
from cellclass.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARRIVED = "arrived"


def fetch(
    url: str,
    *,
    sha256: str | None,
    file_name: str | None = None,
    md5_start: str | None = None,
    n_bytes: int | None = None,
    defect: Callable[[Path], str | None] | None = None,
    refresh: bool = False,
    progress: bool | None = None,
) -> Path:
    """Download a file, or find it in the cache, and verify it.

    The file is received under another name and gets its own only when it is complete and its
    checksum is right. An interrupted download goes on where it stopped if the server can send
    parts of files and its `ETag` and `Last-Modified` are what they were; else it begins anew.
    Processes that want the same file at the same time wait for each other.

    Parameters
    ----------
    url
        Address of the file, `http://` or `https://`.
    sha256
        SHA-256 of the file in hexadecimal, verified at every call; None where nobody has
        published it.
    file_name
        Path of the file inside the cache folder. By default the last part of the address, after
        a mark that tells addresses apart.
    md5_start
        The first digits of the MD5 of the file, where that is what its source publishes;
        verified at every call.
    n_bytes
        Size of the file, verified at every call.
    defect
        What says how the content of a file differs from what is expected, or None; asked at every
        call. For a file whose checksum is not known, so that nothing incomplete is kept.
    refresh
        Whether to ask the server for another version of a file that is there and has no known
        checksum. By its `ETag` or `Last-Modified` it is downloaded again only if it has changed.
    progress
        Whether to show a progress bar; by default in a terminal, when the download takes long.

    Returns
    -------
    Path of the file in the cache folder.

    Raises
    ------
    WriteError
        The disk is full.
    DownloadError
        The server cannot be reached, does not have the file, or sends another one than is
        expected. Nothing is left under the name of the file that was not there before.
    ValueError
        `file_name` leads out of the cache folder.
    """
    expected = _Expected(sha256, md5_start, n_bytes, defect)
    folder = cache_folder()
    path = folder / _name_in_cache(url, file_name)
    if not refresh and path.is_file() and expected.differs(path) is None:
        return path

    import filelock

    key = hashlib.sha256(repr((url, str(path), expected)).encode()).hexdigest()[:20]
    incoming = folder / ".incoming" / key
    try:
        incoming.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(incoming.with_suffix(".lock")).acquire()
    except OSError as error:
        raise DownloadError(
            f"{url} cannot be kept in the cache folder {folder}: {error}. Set {DATA_DIR} to a "
            "folder that you can write to."
        ) from error
    with lock:
        # another process may have fetched it in the meantime
        there = path.is_file() and expected.differs(path) is None
        if there and refresh and not expected.checked:
            there = is_current(url, _version_file(path))
        if not there:
            with writing(path):
                _receive(url, path, incoming, expected, progress=progress)
    return path


@dataclass(frozen=True)
class _Expected:
    """What is known of a file before it is there."""

    sha256: str | None
    md5_start: str | None
    n_bytes: int | None
    # its name differs between processes, which are to find the same lock
    defect: Callable[[Path], str | None] | None = field(repr=False)

    @property
    def checked(self) -> bool:
        """Whether a checksum is known."""
        return self.sha256 is not None or self.md5_start is not None

    def differs(self, path: Path) -> str | None:
        """Say how the file differs from what is expected, if it does."""
        import pooch

        if self.n_bytes is not None and (size := path.stat().st_size) != self.n_bytes:
            return f"{self.n_bytes:,} bytes are expected, and {size:,} came"
        if self.md5_start is not None:
            found = pooch.file_hash(path, alg="md5")
            if not found.startswith(self.md5_start.lower()):
                return f"an MD5 that begins with {self.md5_start} is expected, and {found} came"
        if self.sha256 is not None:
            found = pooch.file_hash(path, alg="sha256")
            if found != self.sha256.lower():
                return f"SHA-256 {self.sha256} is expected, and {found} came"
        return None if self.defect is None else self.defect(path)


def _name_in_cache(url: str, file_name: str | None) -> PurePosixPath:
    if file_name is None:
        last = PurePosixPath(unquote(urlsplit(url).path)).name or "index"
        return PurePosixPath(f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{last}")
    name = PurePosixPath(file_name)
    if name.is_absolute() or ".." in name.parts or not name.parts or "\\" in file_name:
        raise ValueError(f"file_name={file_name!r}: a path inside the cache folder is needed.")
    return name


def _receive(
    url: str, path: Path, incoming: Path, expected: _Expected, *, progress: bool | None
) -> None:
    """Download into `incoming`, verify, and move the file to its name."""
    import pooch

    incoming.mkdir(exist_ok=True)
    for other in incoming.iterdir():  # left behind when an earlier process was killed
        whole = other.name == ARRIVED and expected.checked and expected.differs(other) is None
        if not whole and other.name not in (Resuming.PART, Resuming.ABOUT):
            other.unlink()
    for _ in range(2):
        download = Resuming(incoming, path, checked=expected.checked, progress=progress)
        with _quiet_pooch():
            arrived = Path(
                # pooch's own check of the hash would read the file a second time
                pooch.retrieve(url, None, fname=ARRIVED, path=incoming, downloader=download)
            )
        difference = expected.differs(arrived)
        if difference is None:
            _version_file(path).unlink(missing_ok=True)
            arrived.replace(path)
            if not expected.checked and download.version:
                _version_file(path).write_text(json.dumps(download.version))
            shutil.rmtree(incoming, ignore_errors=True)
            return
        arrived.unlink()
        if not download.resumed:  # parts of two files may have been put together: try once anew
            break
    raise DownloadError(
        f"{url} did not send the file that is expected: {difference}. Nothing was kept. Either "
        "the file was changed at its source, or something on the way, such as the log-in page of "
        "a network, answered instead. Call again; if it stays so, the source has another file now."
    )


def _version_file(path: Path) -> Path:
    """Where the version of a file without a checksum is noted."""
    return path.with_name(f".{path.name}.version")


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep back pooch's remarks, which ask for a checksum where none is published."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
