"""The bar is shown on long downloads, on standard error, and then goes away."""

import hashlib

import pytest

from cellclass._download import _bar, fetch


@pytest.fixture(autouse=True)
def _as_in_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.mark.parametrize(
    ("after", "show", "seen"), [(0.0, True, True), (60.0, True, False), (0.0, None, False)]
)
def test_when_the_bar_is_shown(server, monkeypatch, capsys, after, show, seen):
    monkeypatch.setattr(_bar, "PROGRESS_AFTER", after)
    server.files["/cells.bin"] = content = bytes(200_000)
    server.piece, server.pause = 70_000, 0.02
    fetch(f"{server.url}/cells.bin", sha256=hashlib.sha256(content).hexdigest(), progress=show)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("cells.bin" in err) is seen


def test_the_size_may_be_unknown(monkeypatch, capsys):
    monkeypatch.setattr(_bar, "PROGRESS_AFTER", 0.0)
    with _bar.TransferBar("cells.bin", 0, None, show=True) as bar:
        bar.advance(5)
    assert bar.done == 5
    assert "cells.bin" in capsys.readouterr().err
