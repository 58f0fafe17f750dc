"""How options are declared: by section, by what they are called in Python, by what they are for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

_OTHERS = "Other options"


class Option(click.Option):
    """An option that knows its section of the help, and its name in Python.

    Parameters
    ----------
    section
        Heading under which the help shows it.
    python
        The argument of the Python function that it sets, where that is called otherwise: messages
        name the argument, and users know the option.
    to
        Which of several functions it is an argument of.
    models
        The kinds of models that it is for; all by default.
    why
        Why it is for none of the others.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's own
        section: str = _OTHERS,
        python: str | None = None,
        to: str | None = None,
        models: Collection[str] | None = None,
        why: str = "",
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.python = python or str(self.name)
        self.to, self.models, self.why = to, models, why

    def make_metavar(self, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - click's own
        """Say N for a whole number and X for another one."""
        if isinstance(self.type, click.IntRange | click.FloatRange):
            return "N" if isinstance(self.type, click.IntRange) else "X"
        return super().make_metavar(*args, **kwargs)

    def get_help_extra(self, ctx: click.Context) -> Any:  # noqa: ANN401 - newer click's
        """Leave out the range, which the message of a number outside tells."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra

    @property
    def shown(self) -> str:
        """The option as it is typed."""
        return max(self.opts, key=len)


class Verb(click.Command):
    """A command whose help shows its options in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each under its section, in the order in which they are declared."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                section = getattr(parameter, "section", _OTHERS)
                sections.setdefault(section, []).append(record)
        last = sections.pop(_OTHERS, [])
        for section, records in [*sections.items(), ("Options" if not sections else _OTHERS, last)]:
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


class Numbers(click.ParamType):
    """Numbers with commas between them, as a tuple; a single one as it is where that is wanted."""

    name = "numbers"

    def __init__(
        self, kind: Callable[[str], float], *, least: float = 0, single: bool = False
    ) -> None:
        self.kind, self.least, self.single = kind, least, single

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """Turn the text into numbers."""
        try:
            found = tuple(self.kind(part) for part in str(value).split(","))
        except ValueError:
            what = "whole numbers" if self.kind is int else "numbers"
            self.fail(f"{value!r} is not {what} with commas between them.", param, ctx)
        if min(found) < self.least:
            self.fail(f"{min(found)} is less than {self.least}.", param, ctx)
        return found[0] if self.single and len(found) == 1 else found


class NumberOr(click.ParamType):
    """A whole number from 1 on, or one of some words, each of which stands for something."""

    name = "number"

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Show what can be given."""
        return "|".join(["N", *self.words])

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401
        """Turn the text into a number, or into what the word stands for."""
        if value in self.words:
            return self.words[value]
        if not str(value).isdecimal() or int(value) < 1:
            words = ", ".join(map(repr, self.words))
            self.fail(f"{value!r} is neither a whole number from 1 on nor {words}.", param, ctx)
        return int(value)


option = partial(click.option, cls=Option)
FILE = click.Path(exists=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)
SHARE = click.FloatRange(0, 1)
MANY = click.IntRange(min=1)

force = option(
    "--force", is_flag=True, section="Output", python="overwrite", help="Replace what is there."
)
as_json = option(
    "--json",
    "as_json",
    is_flag=True,
    section="Output",
    help="Print one JSON object instead of text; notes go to the error stream.",
)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were typed, so that the others are as in Python."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is typed
    }


def options_of(context: click.Context) -> dict[str, Option]:
    """Return the options of a verb, by their names."""
    found = [one for one in context.command.params if isinstance(one, Option)]
    return {str(one.name): one for one in found}


def in_python(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under the names of the arguments that they set."""
    options = options_of(click.get_current_context())
    return {options[name].python: value for name, value in typed.items()}


def with_options(options: Iterable[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Give a verb all of some options, in their order."""

    def decorate(function: Any) -> Any:  # noqa: ANN401 - click's
        for one in reversed(list(options)):
            function = one(function)
        return function

    return decorate
