import pytest

from cellclass import _progress


@pytest.fixture
def bars(monkeypatch):
    made, make = [], _progress.Progress
    monkeypatch.setattr(_progress, "Progress", lambda **kw: made.append(make(**kw)) or made[-1])
    return made


@pytest.mark.parametrize(
    ("after", "show", "n"), [(60.0, True, 0), (-1.0, True, 1), (-1.0, False, 0)]
)
def test_a_bar_only_after_a_while_and_if_wanted(bars, monkeypatch, after, show, n):
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", after)
    with _progress.Bar("Working", 2, show=show) as bar:
        bar.advance()
        bar.reach(2)
    assert [one.tasks[0].description for one in bars] == ["Working"] * n
    assert all(one.finished for one in bars)


def test_no_bar_without_a_terminal(bars, monkeypatch):
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", -1.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    with _progress.Bar("Working", 1) as bar:
        bar.advance()
    assert bars == []


def test_over_blocks():
    with _progress.Bar("Working", 7, show=False) as bar:
        assert list(bar.over(iter([(0, 3, "a"), (3, 7, "b")]))) == [(0, 3, "a"), (3, 7, "b")]
        assert bar.done == 7


def test_bars_are_lines_of_the_display_that_is_there(bars, monkeypatch):
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", -1.0)
    display = _progress.Progress()
    with _progress.one_display(display):
        with _progress.Bar("Working", 2, show=True) as bar:
            bar.advance()
            shown = [(line.description, line.completed) for line in display.tasks]
        assert shown == [("Working", 1)]
        assert display.tasks == []
    assert len(bars) == 1
