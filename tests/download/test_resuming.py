"""A download goes on only with the rest of the same file."""

import gzip
import hashlib
import random
import re
import socket
from pathlib import Path

import pytest

from cellclass._download import _resuming, cache_folder, fetch
from cellclass.errors import DownloadError

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 2 * _resuming.CHUNK_BYTES


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(_resuming.time, "sleep", lambda _: None)


@pytest.fixture
def url(server):
    server.files["/file.bin"] = CONTENT
    return f"{server.url}/file.bin"


@pytest.fixture
def broken(server, url, monkeypatch):
    """A download of which the first `HALF` bytes have arrived."""

    def leave(sha256=SHA256):
        with monkeypatch.context() as patch:
            patch.setattr(_resuming, "MAX_IDLE", -1)
            server.cuts = [HALF]
            with pytest.raises(DownloadError, match=r"131,072 bytes are there, and the next call"):
                fetch(url, sha256=sha256, file_name="file.bin")
        assert part().stat().st_size == HALF
        assert not (cache_folder() / "file.bin").exists()

    return leave


def part() -> Path:
    (path,) = cache_folder().rglob("part")
    return path


def test_a_broken_transfer_goes_on_within_the_call(server, url):
    server.cuts = [HALF, 70_000, 0, 0]
    assert fetch(url, sha256=SHA256).read_bytes() == CONTENT
    assert server.log[1] == ("/file.bin", f"bytes={HALF}-")
    assert sum(server.sent) == len(CONTENT)


def test_a_server_that_breaks_off_for_ever(server, url):
    server.cuts = [HALF] + [0] * 50
    with pytest.raises(DownloadError, match=r"closed after|Incomplete|broke"):
        fetch(url, sha256=SHA256)
    assert len(server.log) == 2 + _resuming.MAX_IDLE


def test_the_next_call_sends_only_the_rest(server, url, broken):
    broken()
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert server.sent[-1] == len(CONTENT) - HALF


def test_a_complete_part_needs_no_server(server, url, broken):
    broken()
    part().write_bytes(CONTENT)
    asked = len(server.log)
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert len(server.log) == asked


def test_the_part_of_another_checksum_is_not_taken(server, url, broken):
    broken(sha256="1" * 64)
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert server.log[-1] == ("/file.bin", None)


def test_a_file_that_changed_in_the_meantime_comes_anew(server, url, broken):
    broken(sha256=None)
    server.files["/file.bin"] = new = CONTENT[::-1]
    assert fetch(url, sha256=None, file_name="file.bin").read_bytes() == new
    assert [span for _, span in server.log] == [None, f"bytes={HALF}-", None]


def test_a_date_that_changed_in_the_meantime(server, url, broken):
    server.etags = False
    server.headers = {"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}
    broken()
    server.headers = {"Last-Modified": "Tue, 06 Jan 2026 10:00:00 GMT"}
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert server.sent[-1] == len(CONTENT)


def test_a_server_that_sends_no_parts(server, url, broken):
    broken()
    server.ranges = False
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert len(server.log) == 2


@pytest.mark.parametrize(
    ("headers", "sha256", "resumes"),
    [
        ({}, SHA256, False),
        ({"ETag": 'W/"1"'}, None, False),
        ({"ETag": 'W/"1"'}, SHA256, True),
        ({"ETag": '"1"'}, None, True),
        ({"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}, None, True),
    ],
)
def test_which_parts_are_trusted(server, url, monkeypatch, headers, sha256, resumes):
    server.etags, server.headers, server.cuts = False, headers, [HALF]
    with monkeypatch.context() as patch:
        patch.setattr(_resuming, "MAX_IDLE", -1)
        with pytest.raises(DownloadError):
            fetch(url, sha256=sha256)
    assert fetch(url, sha256=sha256).read_bytes() == CONTENT
    assert (server.log[-1][1] is not None) is resumes


def test_a_part_that_was_spoilt_is_thrown_away(server, url, broken):
    broken()
    part().write_bytes(b"?" * HALF)
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert [span for _, span in server.log] == [None, f"bytes={HALF}-", None]


def test_notes_that_were_spoilt(server, url, broken):
    broken()
    part().with_name("about.json").write_text("{")
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    assert server.log[-1][1] is None


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "name is misspelt"), (403, "moved"), (503, "Try again later")]
)
def test_answers_that_are_no_file(server, url, status, hint):
    server.status["/file.bin"] = status
    with pytest.raises(DownloadError, match=rf"/file.bin .* HTTP {status} .*{hint}"):
        fetch(url, sha256=SHA256)
    assert [path for path in cache_folder().rglob("*.bin") if path.is_file()] == []


def test_no_network(server):
    with socket.socket() as taken:  # a port at which nobody answers
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        with pytest.raises(DownloadError, match="refused") as caught:
            fetch(url, sha256=SHA256, file_name="data/file.bin")
    for part_of_message in (url, str(cache_folder()), str(cache_folder() / "data" / "file.bin")):
        assert part_of_message in str(caught.value)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/hostname", "nonsense"])
def test_what_is_no_address_of_a_file(server, url):
    with pytest.raises(DownloadError, match=re.escape(url)):
        fetch(url, sha256=None)


def test_stored_gzip_arrives_as_it_is_stored(server):
    """Some servers call a gzip file a plain one that they have compressed."""
    server.files["/x.tsv.gz"] = stored = gzip.compress(b"a\tb\n")
    server.headers = {"Content-Encoding": "x-gzip"}
    assert fetch(f"{server.url}/x.tsv.gz", sha256=None).read_bytes() == stored


def test_an_encoding_that_was_not_asked_for(server):
    server.files["/x.tsv"] = gzip.compress(b"a\tb\n")
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(DownloadError, match="encoding 'gzip'"):
        fetch(f"{server.url}/x.tsv", sha256=None)


def test_an_empty_file(server):
    server.files["/empty"] = b""
    assert fetch(f"{server.url}/empty", sha256=None).read_bytes() == b""
