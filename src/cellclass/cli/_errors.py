"""What went wrong in one line, and an exit code: no traceback for what a user can mend."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cellclass.cli._options import Option
from cellclass.errors import CellclassError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a message names of the AnnData, unless it is a piece of Python.
_OF_ADATA = re.compile(r"\badata\.(obs|layers|var_names|X)\b(?!\[|\.\w|\()")
# What stands for a call of Python in the shell.
_TYPED = {"--gene-aliases cc.datasets.hgnc_symbols()": "--gene-aliases hgnc"}
_OF_TORCH = "DefaultCPUAllocator"
_NO_MEMORY = (
    "The memory is not enough ({}). Read the matrix piece by piece (--backed), or give fewer cells "
    "or genes."
)
_NO_PLACE = {
    errno.EACCES: "there is no permission to",
    errno.EPERM: "there is no permission to",
    errno.EROFS: "the disk is read-only:",
    errno.ENOSPC: "the disk is full:",
    errno.EDQUOT: "the quota is used up:",
}


@contextmanager
def said_in_words() -> Iterator[None]:
    """Turn errors about input into a message and exit code 1; others are defects and stay."""
    try:
        yield
    except click.ClickException:
        raise
    except KeyError as error:  # whose text would be quoted
        raise _mendable(str(error.args[0]) if error.args else str(error)) from error
    except OSError as error:
        raise _mendable(_of_the_system(error)) from error
    except MemoryError as error:
        raise _mendable(_NO_MEMORY.format(error)) from error
    except (CellclassError, ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise _mendable("\n".join([str(error), *getattr(error, "__notes__", [])])) from error
    except RuntimeError as error:
        if _OF_TORCH in str(error):
            raise _mendable(_NO_MEMORY.format(error)) from error
        if type(error).__name__ != "OutOfMemoryError":  # of torch, which may not be loaded
            raise
        raise _mendable(
            "The memory of the GPU is not enough. Give a smaller --batch-size, or --accelerator "
            "cpu."
        ) from error


def in_options(text: str) -> str:
    """Name the options of the running verb where a message names arguments of Python."""
    context = click.get_current_context(silent=True)
    for parameter in [] if context is None else context.command.params:
        if isinstance(parameter, Option):
            name, shown = parameter.python, parameter.shown
            text = re.sub(rf"(?<![\w.-]){name}=True\b", shown, text)
            text = re.sub(rf"(?<![\w.-]){name}=", f"{shown} ", text)
    for call, typed in _TYPED.items():
        text = text.replace(call, typed)
    return re.sub(_OF_ADATA, r"\1", text)


def _mendable(message: str) -> click.ClickException:
    return click.ClickException(in_options(message))


def _of_the_system(error: OSError) -> str:
    """Say what the system refused; errors of our own say it already."""
    why = _NO_PLACE.get(error.errno or 0)
    if why is None or error.filename is None:
        return str(error)
    return f"{why[0].upper()}{why[1:]} write or read {str(error.filename)!r}."
