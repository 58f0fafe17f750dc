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
        raise click.ClickException(str(error.args[0]) if error.args else str(error)) from error
    except (ValueError, TypeError, OSError, ImportError, NotImplementedError) as error:
        raise click.ClickException(str(error)) from error
