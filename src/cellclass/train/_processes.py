"""Several processes that train one network together."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import lightning.pytorch as pl
    from torch import nn

_T = TypeVar("_T")
# As gloo and NCCL say that nobody answers any more.
_GONE = re.compile(
    "by peer|connection closed|broken pipe|remote process exited|NCCL communicator was aborted",
    re.I,
)


def sum_over_processes(value: torch.Tensor) -> torch.Tensor:
    """Add up what each process has; all get the sum."""
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


def of_first_process(trainer: pl.Trainer, value: _T) -> _T:
    """Return what the first process has, so that all decide alike."""
    return trainer.strategy.broadcast(value) if trainer.world_size > 1 else value


def share_buffers(module: nn.Module) -> None:
    """Give all processes the buffers of the first, such as random features that each has drawn."""
    for buffer in module.buffers():
        distributed.broadcast(buffer, 0)


@contextmanager
def all_alive() -> Iterator[None]:
    """Say so if another process ended while this one worked with it.

    Raises
    ------
    RuntimeError
        It did: out of memory, most often, by the system's hand.
    """
    try:
        yield
    except RuntimeError as error:
        if _GONE.search(str(error)) is None:
            raise
        raise RuntimeError(
            "Another process of this training has ended, and what it had to say stands above if it "
            "could say it. If nothing does, the system may have killed it because memory ran out: "
            "each process has model input of its own. Take fewer processes or cells. What "
            "checkpoint_dir=… has kept is gone on from with resume=True."
        ) from error


@contextmanager
def only_used(module: nn.Module, answer: Callable[[], torch.Tensor]) -> Iterator[None]:
    """Leave out parameters that do not matter for an answer, while the context lasts.

    Processes wait for the gradient of every parameter that is to be trained, and some have none in
    one kind of training: what stands for masked values, for one, in that of a classifier.

    Parameters
    ----------
    module
        The network.
    answer
        Computes with it what a training looks at.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    was_training = module.training
    module.eval()  # draws no random numbers
    gradients = torch.autograd.grad(answer().sum(), trained, allow_unused=True)
    module.train(was_training)
    unused = [p for p, gradient in zip(trained, gradients, strict=True) if gradient is None]
    for parameter in unused:
        parameter.requires_grad_(False)  # noqa: FBT003
    try:
        yield
    finally:
        for parameter in unused:
            parameter.requires_grad_(True)  # noqa: FBT003
