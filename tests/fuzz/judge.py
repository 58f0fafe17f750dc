"""What may come of a call: an answer, or an error that cellclass raises on purpose."""

import signal
import sys
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import cellclass as cc

SOURCE = str(Path(cc.__file__).parent)
# The errors that docstrings name: the built-in ones, and ours, which are kinds of them.
DOCUMENTED = (
    ValueError, TypeError, KeyError, FileExistsError, FileNotFoundError, NotImplementedError
)  # fmt: skip
SECONDS = 120
OUTCOMES: dict[str, Counter] = {}


class ForeignError(AssertionError):
    """Something came out of a call that none of our functions said."""


@contextmanager
def no_hang():
    """Stop a call that does not end."""

    def stop(*_):
        raise ForeignError(f"The call did not end within {SECONDS} s.")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def judged(name, call, *, copies=False):
    """Return what a call returned, and `None` or the error by which it refused.

    A foreign traceback, a hang, or a warning that is not one of ours fails the test.
    """
    with listening(copies) as foreign, no_hang():
        try:
            result, refusal = call(), None
        except Exception as error:
            if not is_ours(error):
                raise ForeignError(f"{name}: {type(error).__name__}: {error}") from error
            result, refusal = None, error
    if foreign:
        raise ForeignError(f"{name} warns: {foreign[0]}")
    return result, refusal


def is_ours(error):
    """Tell whether one of our own lines raised an error that our docstrings name."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return True  # says all there is to say
    if not isinstance(error, (*DOCUMENTED, cc.errors.CellclassError)):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    said = str(error.args[0]) if error.args else ""
    return frames[-1].filename.startswith(SOURCE) and len(said) > 20


@contextmanager
def listening(copies):
    """Collect the warnings that our own code did not give, nor a copy that was asked for."""
    foreign = []

    def hear(message, category, filename, lineno, *_):
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename == warnings.__file__:
            frame = frame.f_back
        here = frame.f_code.co_filename if frame else ""
        if copies and "names are not unique" in str(message):
            return
        if not (category is UserWarning and here.startswith(SOURCE)):
            foreign.append(f"{category.__name__}: {message} ({here}:{frame and frame.f_lineno})")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = hear
        yield foreign


def count(name, refusal):
    """Note the outcome of a case, for the table at the end."""
    outcome = "returned" if refusal is None else type(refusal).__name__
    OUTCOMES.setdefault(name, Counter())[outcome] += 1


def table():
    """Say how many cases each function got, and what came of them."""
    lines = []
    for name, outcomes in sorted(OUTCOMES.items()):
        words = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
        lines.append(f"{name}: {sum(outcomes.values())} cases ({words})")
    lines.append(f"{sum(sum(o.values()) for o in OUTCOMES.values())} cases in all")
    return lines
