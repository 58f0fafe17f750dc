"""A progress bar for work that takes long, and none for work that does not."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Self, TypeVar

    from rich.progress import TaskID

    Block = TypeVar("Block", bound=tuple[Any, ...])

PROGRESS_AFTER = 2.0
"""Seconds after which a progress bar is shown."""


_shown: Progress | None = None  # what bars are lines of, while there is something


@contextmanager
def one_display(display: Progress) -> Iterator[Progress]:
    """Show a display, and let every bar of that time be a line of it: a terminal has one."""
    global _shown
    before, _shown = _shown, display
    try:
        with display:
            yield display
    finally:
        _shown = before


class Bar:
    """A progress bar on the error stream that appears only on long runs.

    Parameters
    ----------
    what
        What is being done.
    total
        How much there is to do, if that is known.
    show
        Whether to show it; by default in a terminal only.
    """

    def __init__(self, what: str, total: float | None, *, show: bool | None = None) -> None:
        self.what, self.total = what, total
        self.show = sys.stderr.isatty() if show is None else show
        self.done, self.since = 0.0, time.monotonic()
        self.bar: Progress | None = None
        self.line: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def advance(self, by: float = 1) -> None:
        """Note that so much more is done."""
        self.reach(self.done + by)

    def over(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield blocks, each with where it ends as its second item, and note when it is used."""
        for block in blocks:
            yield block
            self.reach(block[1])

    def reach(self, done: float) -> None:
        """Note how much is done by now."""
        self.done = done
        if not self.show:
            return
        if self.bar is None and time.monotonic() - self.since > PROGRESS_AFTER:
            self.bar = _shown
            if self.bar is None:
                self.bar = Progress(console=Console(stderr=True), transient=True)
                self.bar.start()
            self.line = self.bar.add_task(self.what, total=self.total)
        if self.bar is not None and self.line is not None:
            self.bar.update(self.line, completed=self.done)

    def __exit__(self, *_: object) -> None:
        if self.bar is None or self.line is None:
            return
        if self.bar is _shown:
            self.bar.remove_task(self.line)
        else:
            self.bar.stop()
