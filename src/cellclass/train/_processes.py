"""Several processes that train one network together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import lightning.pytorch as pl
    from torch import nn

_T = TypeVar("_T")


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
