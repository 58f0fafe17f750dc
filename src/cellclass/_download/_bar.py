"""A progress bar of bytes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

PROGRESS_AFTER = 3.0
"""Seconds after which a progress bar is shown."""


class TransferBar:
    """A progress bar that appears only on long downloads."""

    def __init__(self, name: str, done: int, total: int | None, *, show: bool | None) -> None:
        self.name, self.done, self.total = name, done, total
        self.show = sys.stderr.isatty() if show is None else show
        self.since = time.monotonic()
        self.bar: Any = None

    def __enter__(self) -> Self:
        return self

    def advance(self, n_bytes: int) -> None:
        """Note that more bytes are there."""
        self.done += n_bytes
        if not self.show:
            return
        if self.bar is None and time.monotonic() - self.since >= PROGRESS_AFTER:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

            columns = (self.name, BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.bar.add_task(self.name, total=self.total)
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.done)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
