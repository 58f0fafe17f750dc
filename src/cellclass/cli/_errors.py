"""What went wrong in one line, and an exit code: no traceback for what a user can mend."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def said_in_words() -> Iterator[None]:
    """Turn errors about input into a message and exit code 1; others are defects and stay."""
    try:
        yield
    except KeyError as error:  # whose text would be quoted
        raise click.ClickException(_words(error, *error.args[:1])) from error
    except (ValueError, TypeError, OSError, ImportError, NotImplementedError) as error:
        raise click.ClickException(_words(error, error)) from error


def _words(error: Exception, *said: object) -> str:
    """Join what an error says with its notes, such as what to install."""
    return " ".join([*map(str, said), *getattr(error, "__notes__", ())])
