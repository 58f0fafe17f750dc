import gzip

import pytest

from cellclass.errors import FileFormatError
from cellclass.io import _text_file as module
from cellclass.io._text_file import TextFile, zstd

TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(40_000))
COMPRESS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of several": lambda text: gzip.compress(text[:70_000]) + gzip.compress(text[70_000:]),
    "zstd": zstd.compress,
    "zstd of several": lambda text: zstd.compress(text[:70_000]) + zstd.compress(text[70_000:]),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(module, "READ_BYTES", 20_000)


def blocks(path):
    with TextFile(path) as file:
        return list(file)


@pytest.mark.parametrize("kind", COMPRESS)
def test_the_first_bytes_tell_how_it_is_compressed(tmp_path, kind):
    path = tmp_path / "text.any"
    path.write_bytes(COMPRESS[kind](TEXT))
    found = blocks(path)
    assert b"".join(found) == TEXT
    assert len(found) > 3
    with TextFile(path) as file:
        assert sum(map(len, file)) == len(TEXT)
        assert file.progress == file.size == path.stat().st_size


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("kind", [kind for kind in COMPRESS if kind != "plain"])
def test_cut_short_after_what_could_be_read(tmp_path, monkeypatch, kind, fast):
    if not fast:
        monkeypatch.setattr(module, "INFLATE", gzip.GzipFile)
    path = tmp_path / "text"
    path.write_bytes(COMPRESS[kind](TEXT)[:-9])
    found = []
    with TextFile(path) as file, pytest.raises(FileFormatError, match="cut short") as caught:
        found.extend(file)
    assert caught.value.path == path
    read = b"".join(found)
    assert TEXT.startswith(read)
    assert len(read) > len(TEXT) // 2


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_damaged(tmp_path, kind):
    data = bytearray(COMPRESS[kind](TEXT))
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    path = tmp_path / "text"
    path.write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match=r"damaged|cut short"):
        blocks(path)


@pytest.mark.parametrize("start", module.NOT_TEXT)
def test_other_kinds_of_files(tmp_path, start):
    path = tmp_path / "text.csv"
    path.write_bytes(start + b"more")
    with pytest.raises(FileFormatError, match=module.NOT_TEXT[start].split(":")[0]):
        TextFile(path)


def test_nothing(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"")
    assert blocks(path) == []
