"""Tables for people."""

from rich.console import Console

from cellclass.cli._tables import some, two_columns


def test_some():
    assert some(["a", "b"]) == "a, b"
    assert some(map(str, range(20))).endswith("10, 11, …")


def test_text_is_no_markup(capsys):
    Console(width=60).print(two_columns("A [red]", {"b [bold]": "c [x]"}))
    found = capsys.readouterr().out
    for text in ("A [red]", "b [bold]", "c [x]"):
        assert text in found
