"""Download over HTTP, going on where an earlier download was interrupted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cellclass._download._bar import TransferBar
from cellclass._download._folder import DATA_DIR, cache_folder
from cellclass.errors import DownloadError

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

CHUNK_BYTES = 1 << 16
TIMEOUT = (15.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""
MAX_IDLE = 4
"""Broken connections in a row that bring no byte, after which a download is given up."""
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
"""Headers that tell two versions of a file apart, and those that ask for another version."""


class Resuming:
    """A downloader for pooch that goes on where an earlier one was interrupted."""

    PART, ABOUT = "part", "about.json"

    def __init__(self, folder: Path, path: Path, *, checked: bool, progress: bool | None) -> None:
        self.part, self.about = folder / self.PART, folder / self.ABOUT
        self.path, self.checked, self.progress = path, checked, progress
        self.resumed = False
        self.version: dict[str, str] = {}

    def __call__(
        self,
        url: str,
        output_file: str,
        pooch: Any,  # noqa: ANN401, ARG002 - pooch's signature
        check_only: bool = False,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Receive the file, over several connections where need be."""
        import requests
        import urllib3

        before, idle, moved = self._there(), 0, False
        while True:
            try:
                self._transfer(url)
                break
            except (
                requests.ConnectionError,
                requests.Timeout,
                urllib3.exceptions.HTTPError,
            ) as error:
                there = self._there()
                moved = moved or there > before
                idle = 0 if there > before else idle + 1
                before = there
                if not moved or idle > MAX_IDLE:
                    raise DownloadError(self._no_connection(url, error)) from error
                time.sleep(min(0.2 * 2**idle, 5.0))
            except requests.RequestException as error:
                raise DownloadError(f"{url} cannot be downloaded: {error}.") from error
        self.part.replace(output_file)
        self.about.unlink(missing_ok=True)

    def _transfer(self, url: str) -> None:
        """Ask for what is missing, and add it to the part that is there."""
        about, start = self._read_about(), self._there()
        if start and start == about["total"]:
            self.resumed = True
            self.version = {name: about[name] for name in VALIDATORS if name in about}
            return
        with _ask(url, {"Range": f"bytes={start}-"} if start else {}) as answer:
            goes_on = start > 0 and _goes_on(answer, self._validators(answer), about, start)
            if goes_on or not start or answer.status_code == 200:
                self._write(answer, start if goes_on else 0)
                return
        with _ask(url, {}) as answer:  # the server has another file now, or no such part
            self._write(answer, 0)

    def _there(self) -> int:
        """Return the number of bytes that a transfer can go on from."""
        return self.part.stat().st_size if self._read_about() and self.part.exists() else 0

    def _write(self, answer: Response, start: int) -> None:
        import requests

        self._check(answer, start)
        self.resumed = start > 0
        self.version = self._validators(answer)
        length = answer.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        if not start:
            # in this order: a part is never taken for one of another file
            self.about.unlink(missing_ok=True)
            self.part.write_bytes(b"")
            self._write_about(total)
        bar = TransferBar(self.path.name, start, total, show=self.progress)
        with self.part.open("ab") as file, bar:
            for chunk in answer.raw.stream(CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                file.flush()
                bar.advance(len(chunk))
            if total is not None and (there := file.tell()) < total:
                raise requests.ConnectionError(f"it closed after {there:,} of {total:,} bytes")

    def _check(self, answer: Response, start: int) -> None:
        """Refuse an answer that is not the file."""
        if answer.status_code != (206 if start else 200):
            hint = "Try again later."
            if answer.status_code in (403, 404, 410):
                hint = "The file was moved or removed, or its name is misspelt."
            raise DownloadError(
                f"{answer.url} cannot be downloaded: the server answers HTTP {answer.status_code} "
                f"({answer.reason}). {hint}"
            )
        encoding = answer.headers.get("Content-Encoding", "identity").lower()
        # servers also say so of files that are stored as gzip, which arrive as they are
        if encoding != "identity" and not urlsplit(answer.url).path.endswith((".gz", ".tgz")):
            raise DownloadError(
                f"{answer.url} is sent in the encoding {encoding!r}, which was not asked for: the "
                f"file as it is stored cannot be had. Download it otherwise, as {self.path}."
            )

    def _read_about(self) -> dict[str, Any]:
        return _read_json(self.about)

    def _write_about(self, total: int | None) -> None:
        """Note which file the part belongs to, if the server tells versions of it apart."""
        if self.version:
            new = self.about.with_suffix(".new")
            new.write_text(json.dumps({**self.version, "total": total}))
            new.replace(self.about)

    def _validators(self, answer: Response) -> dict[str, str]:
        """Return the headers that tell two versions of a file apart."""
        found = _version(answer)
        # a weak tag stays the same for files that differ a little: only a checksum would tell
        if not self.checked and found.get("ETag", "").startswith("W/"):
            del found["ETag"]
        return found

    def _no_connection(self, url: str, error: Exception) -> str:
        there = self._there()
        state = f"{there:,} bytes are there, and the next call goes on with them. " if there else ""
        return (
            f"{url} cannot be downloaded: there is no connection to {urlsplit(url).netloc}, or it "
            f"broke ({_reason(error)}). {state}The cache folder is {cache_folder()}; {DATA_DIR} "
            f"names another one. Without a network, download the file elsewhere and put it at "
            f"{self.path}."
        )


def is_current(url: str, version_file: Path) -> bool:
    """Ask the server whether it still has the version of a file that is noted."""
    version = _read_json(version_file)
    conditions = {VALIDATORS[name]: value for name, value in version.items()}
    if not conditions:
        return False
    import requests

    try:
        with _ask(url, conditions) as answer:
            return answer.status_code == 304 or (
                answer.status_code == 200 and _version(answer) == version
            )
    except requests.RequestException:
        return False  # what is wrong is said by the download that follows


def _ask(url: str, headers: dict[str, str]) -> Response:
    import requests

    # a file that the server compresses on the way has neither the checksum nor the parts
    headers = {"Accept-Encoding": "identity", **headers}
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)


def _version(answer: Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in VALIDATORS if answer.headers.get(name)}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _goes_on(
    answer: Response, validators: dict[str, str], about: dict[str, Any], start: int
) -> bool:
    """Whether an answer is the rest of the file of which `start` bytes are there."""
    span, total = answer.headers.get("Content-Range", ""), about["total"]
    return (
        answer.status_code == 206
        and span.startswith(f"bytes {start}-")
        and (total is None or span.endswith((f"/{total}", "/*")))
        and {**validators, "total": total} == about
    )


def _reason(error: Exception) -> str:
    """Return the innermost cause, which is the one to act on."""
    cause: Any = error
    while True:
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        if not isinstance(inner, Exception):
            return f"{type(cause).__name__}: {cause}"
        cause = inner
