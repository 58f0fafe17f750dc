"""How processes that train together share the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lightning.pytorch as pl


def place_among(trainer: pl.Trainer | None) -> tuple[int, int]:
    """Return which process this is, from 0, and how many train together."""
    return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


def share_of(n_cells: int, rank: int, world_size: int) -> slice:
    """Return which cells of a minibatch a process takes: all, if there are not enough to share."""
    return slice(rank, None, world_size) if n_cells >= world_size else slice(None)
