"""Calls in forked processes that may be killed: this one has no threads, and imports once."""

import json
import os
import signal
import sys
import time
import traceback
import warnings

SECONDS = 120


def start(function, *args, answer=None):
    """Fork, and call a function there; what it returns is written to the pipe `answer` as JSON."""
    process = os.fork()
    if process:
        return process
    status = 99
    try:
        signal.alarm(SECONDS)
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        warnings.simplefilter("ignore")
        try:
            found = {"value": function(*args)}
        except BaseException as error:  # noqa: BLE001 - whatever it is
            found = described(error)
        if answer is not None:  # a pipe: files may not be allowed to grow
            with os.fdopen(answer, "w") as file:
                json.dump(found, file)
        status = 0
    finally:
        os._exit(status)


def call(function, *args):
    """Call a function in a process of its own: its value, its error, or how it ended."""
    here, there = os.pipe()
    process = start(function, *args, answer=there)
    os.close(there)
    with os.fdopen(here) as file:
        text = file.read()
    status = wait(process)
    return json.loads(text) if status == 0 and text else {"died": status}


def wait(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_at(process, seconds):
    """Kill a process after so long; says whether it was still there."""
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return wait(process) == -signal.SIGKILL


def described(error):
    """What a user sees of an error, and whether it is one that we raise on purpose."""
    from cellclass.errors import CellclassError

    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1].filename if frames else ""
    ours = isinstance(error, CellclassError) or f"{os.sep}cellclass{os.sep}" in last
    text = "\n".join([str(error), *getattr(error, "__notes__", [])])
    where = f"{last.split('site-packages/')[-1]}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "text": text, "ours": ours, "where": where}


def say(*words):
    print(*words, file=sys.stderr, flush=True)
