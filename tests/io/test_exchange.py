"""Two names exchange what they stand for, or nothing happens."""

import sys

import pytest

from cellclass.io._exchange import exchange


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="the system has no such call")
def test_folders_and_files(tmp_path):
    one, other = tmp_path / "ä", tmp_path / "b"
    (one / "deep").mkdir(parents=True)
    other.write_text("x")
    if not exchange(one, other):
        pytest.skip("this disk cannot")
    assert one.read_text() == "x"
    assert (other / "deep").is_dir()


def test_what_is_not_there(tmp_path):
    (tmp_path / "a").write_text("x")
    assert not exchange(tmp_path / "a", tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems(tmp_path, monkeypatch, platform):
    if platform != sys.platform:
        monkeypatch.setattr(sys, "platform", platform)
        for name in "ab":
            (tmp_path / name).write_text(name)
        assert not exchange(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "a").read_text() == "a"
