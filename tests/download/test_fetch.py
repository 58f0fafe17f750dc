"""Files come once, whole and verified, or not at all."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from cellclass._download import cache_folder, fetch
from cellclass.errors import DownloadError

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def url(server):
    server.files["/some folder/file.bin".replace(" ", "%20")] = CONTENT
    return f"{server.url}/some%20folder/file.bin"


def visible() -> list[Path]:
    """Files under final names."""
    folder = cache_folder()
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def left_over() -> set[str]:
    return {path.suffix for path in (cache_folder() / ".incoming").rglob("*") if path.is_file()}


def test_a_file_comes_once(server, url):
    path = fetch(url, sha256=SHA256, file_name="a/b.bin")
    assert path == cache_folder() / "a" / "b.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(url, sha256=SHA256.upper(), file_name="a/b.bin") == path
    assert len(server.log) == 1
    assert left_over() <= {".lock"}
    assert visible() == [path]


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CELLCLASS_DATA_DIR", "~/cells")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder() == tmp_path / "cells"
    monkeypatch.setenv("CELLCLASS_DATA_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "cellclass"


def test_addresses_with_the_same_last_part_do_not_meet(server, url):
    server.files["/other/file.bin"] = b"other"
    first = fetch(url, sha256=None)
    second = fetch(f"{server.url}/other/file.bin", sha256=None)
    assert first.name.endswith("-file.bin")
    assert (first.read_bytes(), second.read_bytes()) == (CONTENT, b"other")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", ".", "a\\..\\x"])
def test_a_name_outside_the_cache(name):
    with pytest.raises(ValueError, match="inside the cache folder"):
        fetch("http://127.0.0.1:1/x", sha256=None, file_name=name)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"sha256": "0" * 64}, SHA256),
        ({"sha256": None, "md5_start": "0123456789"}, MD5),
        ({"sha256": None, "n_bytes": 5}, "300,000"),
    ],
)
def test_another_file_than_expected_is_not_kept(server, url, known, found):
    with pytest.raises(DownloadError, match=f"expected, and {found} came"):
        fetch(url, file_name="b.bin", **known)
    assert visible() == []
    assert left_over() <= {".lock"}
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "known", [{"sha256": SHA256}, {"sha256": None, "md5_start": MD5[:10].upper()}]
)
def test_a_file_that_changed_in_the_cache_is_replaced(server, url, known):
    path = fetch(url, file_name="b.bin", **known)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch(url, file_name="b.bin", **known).read_bytes() == CONTENT
    assert len(server.log) == 2


def test_the_content_is_verified_at_every_call(server, url):
    """What no checksum tells, the caller may."""

    def get():
        def defect(path):  # another function at every call, as in another process
            return None if path.read_bytes() == CONTENT else "it holds something else"

        return fetch(url, sha256=None, file_name="b.bin", defect=defect)

    path = get()
    path.write_bytes(CONTENT[:-1])
    assert get().read_bytes() == CONTENT
    assert len(server.log) == 2
    path.unlink()
    server.files["/some%20folder/file.bin"] = CONTENT[:-1]
    with pytest.raises(DownloadError, match=r"it holds something else\. Nothing was kept"):
        get()
    assert visible() == []
    assert left_over() <= {".lock"}
    assert len(list((cache_folder() / ".incoming").glob("*.lock"))) == 1


def test_a_bad_file_does_not_replace_a_good_one(server, url):
    path = fetch(url, sha256=SHA256, file_name="b.bin")
    server.files["/some%20folder/file.bin"] = b"<html>Please log in</html>"
    with pytest.raises(DownloadError, match="log-in page"):
        fetch(url, sha256="1" * 64, file_name="b.bin")
    assert path.read_bytes() == CONTENT


def test_refresh_asks_for_another_version(server, url):
    path = fetch(url, sha256=None, file_name="b.json")
    assert fetch(url, sha256=None, file_name="b.json", refresh=True) == path
    assert server.sent == [len(CONTENT), 0]
    server.files["/some%20folder/file.bin"] = b"new"
    assert fetch(url, sha256=None, file_name="b.json").read_bytes() == CONTENT
    assert fetch(url, sha256=None, file_name="b.json", refresh=True).read_bytes() == b"new"


@pytest.mark.parametrize("date", [None, "Mon, 05 Jan 2026 10:00:00 GMT"])
def test_refresh_without_tags(server, url, date):
    """A server that tells no versions apart, or one that tells them but knows no conditions."""
    server.etags = False
    server.headers = {} if date is None else {"Last-Modified": date}
    path = fetch(url, sha256=None, file_name="b.json")
    modified = path.stat().st_mtime_ns
    assert fetch(url, sha256=None, file_name="b.json", refresh=True).read_bytes() == CONTENT
    assert (path.stat().st_mtime_ns == modified) is (date is not None)


def test_refresh_without_a_network(server, url):
    path = fetch(url, sha256=None, file_name="b.json")
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match="refused"):
        fetch(url, sha256=None, file_name="b.json", refresh=True)
    assert path.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written(server, url, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CELLCLASS_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="Set CELLCLASS_DATA_DIR to a folder"):
        fetch(url, sha256=SHA256)


def test_a_folder_that_can_only_be_read(server, url, monkeypatch):
    """What is verified is found; what would have to be written is refused with the way out."""
    path = fetch(url, sha256=SHA256, file_name="b.bin")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    assert fetch(url, sha256=SHA256, file_name="b.bin") == path
    with pytest.raises(DownloadError, match=r"Permission denied\. Set CELLCLASS_DATA_DIR"):
        fetch(url, sha256=SHA256, file_name="c.bin")


def test_killed_while_the_checksum_was_computed(server, url):
    """The complete file is found again, if its checksum is right."""
    fetch(url, sha256=SHA256, file_name="b.bin").unlink()
    (lock,) = (cache_folder() / ".incoming").glob("*.lock")
    arrived = lock.with_suffix("") / "arrived"
    for content, asked in ((CONTENT, 1), (CONTENT[:-1], 2)):
        arrived.parent.mkdir()
        arrived.write_bytes(content)
        path = fetch(url, sha256=SHA256, file_name="b.bin")
        assert path.read_bytes() == CONTENT
        assert len(server.log) == asked
        path.unlink()


def test_processes_wait_for_each_other(server, url):
    server.piece, server.pause = 30_000, 0.05
    paths = []

    def get():
        paths.append(fetch(url, sha256=SHA256, file_name="b.bin"))

    threads = [threading.Thread(target=get) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == CONTENT for path in paths] == [True] * 3
    assert len(server.log) == 1


def test_pooch_says_nothing(server, url, capfd):
    fetch(url, sha256=None)
    assert capfd.readouterr() == ("", "")


KILLED = """
import sys
from cellclass._download import fetch
import filelock, pooch, requests
print("ready", flush=True)
fetch(sys.argv[1], sha256=sys.argv[2], file_name="file.bin")
"""


def start(url: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, url, SHA256], stdout=subprocess.PIPE, env=os.environ
    )
    process.stdout.readline()
    return process


@pytest.mark.oldest
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_ten_moments(server, url):
    """Nothing or the whole file is there after each; the last start goes on with the rest."""
    server.piece, server.pause = 3_000, 0.004  # about half a second for the whole file
    moments, whole = random.Random(1), 0
    path = cache_folder() / "file.bin"
    for _ in range(10):
        process = start(url)
        time.sleep(moments.uniform(0.0, 0.35))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert visible() in ([], [path])
        if path.exists():
            assert path.read_bytes() == CONTENT
            whole += 1
            path.unlink()
    assert any(span for _, span in server.log)
    assert len(server.log) > 3

    path.unlink(missing_ok=True)
    server.pause = 0.05  # slow enough to be seen at work on a busy machine
    process = start(url)
    while (
        not (parts := [file.stat().st_size for file in cache_folder().rglob("part")])
        or not (parts[0])
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (part,) = [file.stat().st_size for file in cache_folder().rglob("part")]
    server.piece, server.pause, before = 1 << 20, 0.0, len(server.sent)
    assert fetch(url, sha256=SHA256, file_name="file.bin").read_bytes() == CONTENT
    sent = sum(server.sent[before:])
    sys.stdout.write(
        f"{whole} of 10 ended before they were killed; the last start found {part:,} bytes and "
        f"was sent {sent:,} of {len(CONTENT):,}\n"
    )
    assert 0 < part < len(CONTENT)
    assert sent == len(CONTENT) - part


def test_nothing_that_downloads_is_imported_early():
    code = (
        "import sys, cellclass as cc; cc.datasets; cc.io\n"
        "print(*{'filelock', 'pooch', 'requests', 'urllib3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
