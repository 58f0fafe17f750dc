"""The bytes of a text file, plain or compressed, read a block ahead of their use."""

from __future__ import annotations

import gzip
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cellclass.errors import FileFormatError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

INFLATE_ERROR: type[Exception]
try:  # inflates three times as fast; there are no builds for some processors
    from isal import igzip, igzip_lib
except ImportError:
    INFLATE, INFLATE_ERROR = gzip.GzipFile, zlib.error
else:
    INFLATE, INFLATE_ERROR = igzip.IGzipFile, igzip_lib.IsalError  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

BLOCK_BYTES = 1 << 22
READ_BYTES = 1 << 18

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
NOT_TEXT = {
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"BZh": "compressed with bzip2: unpack it first, or compress it with gzip or zstd",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it first, or compress it with gzip or zstd",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file: open it with anndata.read_h5ad(path)",
    b"PAR1": "a Parquet file: open it with pandas.read_parquet(path)",
    b"\xff\xfe": "text in UTF-16: convert it to UTF-8 first",
    b"\xfe\xff": "text in UTF-16: convert it to UTF-8 first",
    b"%%MatrixMarket": "a Matrix Market file: open it with scanpy.read_mtx(path)",
}


class TextFile:
    """The blocks of a text file, of which the next is inflated while the caller uses one.

    Iterating gives `bytes` of about `BLOCK_BYTES`. How the file is compressed is told from its
    first bytes, not from its name.

    Parameters
    ----------
    path
        A text file; plain, or compressed with gzip or zstd.

    Raises
    ------
    FileFormatError
        The file is something else than text; or, while iterating and after all that could be read
        was given out, its compressed data is cut short or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._file = path.open("rb")
        start = self._file.read(16)
        self._file.seek(0)
        for magic, what in NOT_TEXT.items():
            if start.startswith(magic):
                self._file.close()
                raise self.error(f"is {what}.")
        self._text: Any = self._file
        if start.startswith(GZIP):
            self._text = INFLATE(fileobj=self._file)
        elif start.startswith(ZSTD):
            self._text = zstd.ZstdFile(self._file)
        self._failure: FileFormatError | None = None

    def error(self, what: str) -> FileFormatError:
        """Make the error that says what is wrong with this file."""
        error = FileFormatError(f"{str(self.path)!r} {what}")
        error.path = self.path
        return error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def progress(self) -> int:
        """Bytes of the file that have been read."""
        return self._file.tell()

    def _block(self) -> bytes:
        """Inflate the next block; what stands before a defect is given out before it is raised."""
        if self._failure is not None:
            raise self._failure
        pieces: list[bytes] = []
        n_bytes = 0
        try:
            while n_bytes < BLOCK_BYTES:
                piece = self._text.read1(READ_BYTES)
                if not piece:
                    break
                pieces.append(piece)
                n_bytes += len(piece)
        except EOFError:
            self._failure = self.error("is cut short: its compressed data has no end.")
        except (zlib.error, INFLATE_ERROR, zstd.ZstdError, gzip.BadGzipFile) as error:
            self._failure = self.error(f"is damaged: {error}.")
        if self._failure is not None and not pieces:
            raise self._failure
        return b"".join(pieces)

    def __iter__(self) -> Iterator[bytes]:
        with ThreadPoolExecutor(1) as reader:
            block = reader.submit(self._block).result()
            while block:
                following = reader.submit(self._block)
                yield block
                block = following.result()
