"""What a verb says, and where: the answer on one stream, all else on the other."""

import json
import warnings

import click
import numpy as np
import pytest
from click.testing import CliRunner
from rich.table import Table

from cellclass import _progress
from cellclass.cli import _session
from cellclass.cli._session import Answer, as_text, session


def said(work, *, as_json=False, new=None, goes_on=""):
    @click.command()
    def verb():
        with session("try", as_json=as_json, new=new, goes_on=goes_on) as talk:
            talk.answer = work(talk)

    return CliRunner().invoke(verb)


def test_the_answer_for_people():
    done = said(lambda talk: Answer({"out": "a [b].csv"}, [Table("label"), "Two."]))
    assert done.exit_code == 0
    assert "label" in done.stdout
    assert "Two." in done.stdout
    assert "Written to a [b].csv in 0.0 s." in done.stdout
    assert done.stderr == ""


def test_nothing_is_written_where_there_is_no_file():
    assert "Written" not in said(lambda talk: Answer({"out": None}, ["Two."])).stdout


def noisy(talk):
    print("a library talks")  # noqa: T201
    for _ in range(2):
        warnings.warn("Look [here].", UserWarning, stacklevel=1)
    warnings.warn("for developers", DeprecationWarning, stacklevel=1)
    return Answer({"n": np.int64(3), "x": np.array([1.5, np.nan]), 2: {"a": None, "b": True}}, [])


def test_one_json_object_and_nothing_else():
    done = said(noisy, as_json=True)
    assert json.loads(done.stdout) == {
        "verb": "try",
        "n": 3,
        "x": [1.5, None],
        "2": {"a": None, "b": True},
        "seconds": pytest.approx(0, abs=1),
        "warnings": ["Look [here]."],
    }
    assert done.stderr.count("Note: Look [here].") == 1
    assert "a library talks" in done.stderr
    assert "for developers" not in done.output


def test_errors_are_json_too():
    def work(talk):
        raise ValueError("Not so.")

    done = said(work, as_json=True)
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"verb": "try", "error": "Not so.", "warnings": []}
    assert done.stderr == "Error: Not so.\n"


def test_what_is_there_is_told_of_before_any_work(tmp_path):
    called = []
    assert said(called.append, new=tmp_path / "none.h5ad").exit_code == 0
    assert len(called) == 1
    done = said(called.append, new=tmp_path, as_json=True)
    assert (done.exit_code, len(called)) == (1, 1)
    assert "exists already" in json.loads(done.stdout)["error"]


def test_stopped_by_hand():
    def work(talk):
        raise KeyboardInterrupt

    done = said(work)
    assert done.exit_code == 1
    assert "Error: Stopped." in done.stderr
    assert "goes on" not in done.stderr
    assert "The same command goes on" in said(work, goes_on="The same command goes on.").stderr


def test_usage_is_not_an_answer():
    def work(talk):
        raise click.UsageError("Not so.")

    done = said(work, as_json=True)
    assert done.exit_code == 2
    assert done.stdout == ""


def test_what_json_does_not_know_is_text():
    assert json.loads(as_text({"a": (1, object)})) == {"a": [1, "<class 'object'>"]}


def test_steps_are_lines_of_one_display(monkeypatch):
    shown = []

    class Terminal(_session.Console):
        is_terminal = True

    monkeypatch.setattr(_session, "Console", Terminal)
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", -1.0)

    def work(talk):
        with talk.step("Outer [x]", lambda: (2, 8)), _progress.Bar("Inner", 5, show=True) as bar:
            bar.advance(3)
            list(talk._display.get_renderables())
            shown.extend((t.description, t.completed, t.total) for t in talk._display.tasks)
        assert talk._display.tasks == []
        return Answer({})

    assert said(work).exit_code == 0
    assert shown == [("Outer \\[x]", 2, 8), ("Inner", 3.0, 5)]
    assert _progress._shown is None
