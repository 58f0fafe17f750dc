"""Run serial kernels, which release the interpreter lock, in a few threads."""

from __future__ import annotations

import itertools
import operator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    Task = TypeVar("Task")
    Result = TypeVar("Result")

MOST_THREADS = 8
ENTRIES_PER_THREAD = 1 << 19
"""A thread for fewer entries takes longer to start than it spares."""


def threads_for(n_entries: int, n_threads: int | None) -> int:
    """Return how many threads to use; `n_threads` if given, else what is of use here."""
    if n_threads is None:
        # Not `numba.get_num_threads`: that starts its threads, which changes how many torch uses.
        usable = min(numba.config.NUMBA_NUM_THREADS, MOST_THREADS)  # type: ignore[attr-defined]
        return max(1, min(usable, n_entries // ENTRIES_PER_THREAD))
    if operator.index(n_threads) < 1:
        raise ValueError(f"n_threads={n_threads} is not a number of threads: 1 or more.")
    return operator.index(n_threads)


def run(function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """Call the function on each task, in as many threads as there are tasks."""
    if len(tasks) <= 1:
        return [function(task) for task in tasks]
    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(function, tasks))


def even_parts(work: Iterable[int] | np.ndarray, n_parts: int) -> list[tuple[int, int]]:
    """Split positions into at most `n_parts` ranges ``(start, stop)`` of about equal work."""
    total = np.cumsum(np.asarray(work, dtype=np.int64) + 1)
    if total.size == 0:
        return [(0, 0)]
    cuts = np.searchsorted(total, total[-1] * np.arange(1, n_parts) / n_parts)
    bounds = np.unique(np.concatenate([[0], cuts, [total.size]])).tolist()
    return list(itertools.pairwise(bounds))
