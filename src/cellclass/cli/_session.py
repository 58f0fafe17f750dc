"""One call of a verb: what is said while it works, and what is said when it is done."""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cellclass._progress import one_display
from cellclass.cli._errors import in_options, said_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.progress import TaskID

    Asked = Callable[[], tuple[float, float] | None]


@dataclass
class Answer:
    """What a verb found: `summary` for machines, `shown` for people."""

    summary: dict[str, Any]
    shown: Sequence[RenderableType] = field(default_factory=list)


class _Display(Progress):
    """Lines of what is being done; those that can tell how far they are, are asked."""

    def __init__(self, console: Console) -> None:
        self.asked: dict[TaskID, Asked] = {}
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
        )
        super().__init__(*columns, console=console, transient=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        for line, ask in list(self.asked.items()):
            found = ask()
            if found is not None:
                self.update(line, completed=found[0], total=found[1])
        yield from super().get_renderables()


class Session:
    """What a verb talks through."""

    def __init__(self, verb: str, *, as_json: bool) -> None:
        self.verb, self.as_json = verb, as_json
        self.errors = Console(stderr=True)
        self.notes: list[str] = []
        self.answer: Answer | None = None
        self._display: _Display | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Show on the error stream what is done and what to look out for; print nothing."""
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(sys.stderr))  # that others print
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("default")
            warnings.showwarning = self._on_warning  # type: ignore[assignment]
            if self.errors.is_terminal:
                self._display = _Display(self.errors)
                stack.enter_context(one_display(self._display))
            yield

    @contextmanager
    def step(self, what: str, ask: Asked | None = None) -> Iterator[None]:
        """Show a line while something is done; `ask` tells how much of how much, if it is known."""
        display = self._display
        if display is None:
            yield
            return
        line = display.add_task(escape(what), total=None)
        if ask is not None:
            display.asked[line] = ask
        try:
            yield
        finally:
            display.asked.pop(line, None)
            display.remove_task(line)

    def note(self, message: str) -> None:
        """Tell what to look out for, once."""
        message = in_options(message)
        if message not in self.notes:
            self.notes.append(message)
            # In a terminal words are kept together; elsewhere a note is a line.
            whole = not self.errors.is_terminal
            text = f"[yellow]Note:[/yellow] {escape(message)}"
            self.errors.print(text, highlight=False, soft_wrap=whole)

    def _on_warning(self, message: Warning | str, category: type[Warning], *_: Any) -> None:  # noqa: ANN401
        if issubclass(category, UserWarning):  # the others are for who writes the code
            self.note(str(message))


@contextmanager
def session(
    verb: str, *, as_json: bool, new: Path | None = None, goes_on: str = ""
) -> Iterator[Session]:
    """Run a verb: its answer is printed, as text or as one JSON object, and so is what went wrong.

    Whatever else is printed, by us or by others, goes to the error stream. The exit code is 1 for
    what a user can mend, and for a run that was stopped, of which `goes_on` says how to take it up.
    A name that has to be `new` and is not is told of at once, without libraries.
    """
    found = Session(verb, as_json=as_json)
    start = time.perf_counter()
    try:
        with found.working(), said_in_words():
            if new is not None and new.exists():
                raise FileExistsError(
                    f"{str(new)!r} exists already. Pass overwrite=True to replace it."
                )
            yield found
    except click.UsageError:
        raise
    except click.ClickException as error:
        _fail(found, error)
        raise
    except KeyboardInterrupt as interrupt:
        text = f"Stopped. What was to be written has not been. {goes_on}".strip()
        stopped = click.ClickException(text)
        _fail(found, stopped)
        raise stopped from interrupt
    if found.answer is not None:
        _tell(found, found.answer, round(time.perf_counter() - start, 2))


def _tell(found: Session, answer: Answer, seconds: float) -> None:
    told = {"verb": found.verb, **answer.summary, "seconds": seconds, "warnings": found.notes}
    if found.as_json:
        print(as_text(told))  # noqa: T201 - what was asked for
        return
    console = Console()
    for one in answer.shown:
        console.print(one, highlight=False)
    if "out" in answer.summary and answer.summary["out"] is not None:
        out = escape(str(answer.summary["out"]))
        console.print(f"Written to {out} in {seconds:.1f} s.", highlight=False, soft_wrap=True)


def _fail(found: Session, error: click.ClickException) -> None:
    if found.as_json:
        told = {"verb": found.verb, "error": error.format_message(), "warnings": found.notes}
        print(as_text(told))  # noqa: T201


def as_text(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return a value as JSON: numbers of numpy are numbers, and what is not a number is null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)
