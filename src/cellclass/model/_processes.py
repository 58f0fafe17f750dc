"""What a model does once, where several processes hold it."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Callable


def is_first_process() -> bool:
    """Whether this process is the first of those that were started together, or the only one."""
    return not _together() or distributed.get_rank() == 0


def in_first_process(write: Callable[[], None]) -> None:
    """Do something in the first process, while the others wait for it."""
    try:
        if is_first_process():
            write()
    finally:  # also on an error, which would else leave the others waiting
        if _together():
            device = None
            if distributed.get_backend() == "nccl":
                device = [torch.cuda.current_device()]
            distributed.barrier(device_ids=device)


def leave_at_exit() -> None:
    """End the connection between processes when the program ends, once."""
    atexit.unregister(_leave)
    atexit.register(_leave)


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _leave() -> None:
    if _together():
        distributed.destroy_process_group()
