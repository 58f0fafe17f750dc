"""How many CPU threads a small network is worth."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

# Multiply–adds of one step below which threads wait for each other longer than they help: on two
# idle cores the second one saves 15% here, on busy cores it costs a factor of 5 and more.
_SMALL_STEP = 2.5e8


@contextmanager
def threads_for_step(n_multiplied: int, batch_size: int) -> Iterator[None]:
    """Train on one thread, while the context lasts, if a step is too small to share."""
    n_threads = torch.get_num_threads()
    # forward, and backward with respect to weights and inputs
    if 3 * n_multiplied * batch_size < _SMALL_STEP:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
