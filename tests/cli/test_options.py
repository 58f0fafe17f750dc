"""Options know their section, their name in Python, and what they are for."""

import click
import pytest
from click.testing import CliRunner

from cellclass.cli._options import (
    MANY,
    SHARE,
    NumberOr,
    Numbers,
    Option,
    Verb,
    given,
    option,
    options_of,
    with_options,
)

_OPTIONS = (
    option("--n-cells", type=MANY, section="First", python="n_obs", help="How many."),
    option("--share", type=SHARE, section="First", help="Of what."),
    option("--widths", type=Numbers(int, least=1), section="Second", help="Some."),
    option("--drop", type=Numbers(float, single=True), section="Second"),
    option("--genes", type=NumberOr({"all": None}), section="Second"),
    option("--on/--off", "switch", default=None, section="Second"),
)


@click.command(cls=Verb)
@click.argument("cells")
@with_options(_OPTIONS)
def verb(cells, **options):
    """Try."""
    found = options_of(click.get_current_context())
    click.echo({found[name].python: value for name, value in given(options).items()})


def said(*arguments, code=0):
    done = CliRunner().invoke(verb, ["x", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_only_what_was_typed_is_given_under_its_name_in_python():
    assert eval(said()) == {}
    assert eval(said("--n-cells", "3", "--share", "0.5", "--off")) == {
        "n_obs": 3,
        "share": 0.5,
        "switch": False,
    }


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        (["--widths", "64,32"], (64, 32)),
        (["--widths", "64"], (64,)),
        (["--drop", "0.5"], 0.5),
        (["--drop", "0,0.5"], (0.0, 0.5)),
        (["--genes", "12"], 12),
        (["--genes", "all"], None),
    ],
)
def test_numbers(typed, value):
    assert list(eval(said(*typed)).values()) == [value]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["--n-cells", "0"], "x>=1"),
        (["--share", "2"], "0<=x<=1"),
        (["--widths", "64,a"], "whole numbers"),
        (["--widths", "64,0"], "less than 1"),
        (["--drop", "a"], "not numbers"),
        (["--genes", "none"], "nor 'all'"),
        (["--genes", "0"], "from 1 on"),
    ],
)
def test_what_is_none_is_a_matter_of_usage(typed, message):
    assert message in said(*typed, code=2)


def test_help_in_sections():
    text = said("--help")
    first, second, others = (text.index(name) for name in ("First:", "Second:", "Other options:"))
    assert first < text.index("--n-cells N") < text.index("--share X") < second
    assert second < text.index("--genes N|all") < others < text.index("--help")
    assert "x>=" not in text


def test_an_option_as_it_is_typed():
    (one,) = (one for one in verb.params if isinstance(one, Option) and one.name == "switch")
    assert one.shown == "--on"
