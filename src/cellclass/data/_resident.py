"""Minibatches of cells that stay on the training device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch

from cellclass.data._cells import DenseCells, SparseCells
from cellclass.data._epoch import EpochAtOnce
from cellclass.data._processes import place_among, share_of
from cellclass.data._rows import DenseRows, SparseRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np


class _Minibatches:
    """Minibatches by index: no worker processes, no collation, no copy to the device."""

    def __init__(
        self,
        X: torch.Tensor | DenseRows | SparseRows,
        labels: torch.Tensor,
        batch_size: int,
        generator: torch.Generator | None,
        *,
        held_out_by: torch.Tensor | None = None,
        balanced: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.X = X
        self.held_out_by = held_out_by
        self.labels = labels
        self.batch_size = batch_size
        self.generator = generator
        self.balanced = balanced
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return -(-len(self.X) // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        order = None
        if self.generator is not None:
            order = self._order(self.generator).to(self.X.device)
        for start in range(0, len(self.X), self.batch_size):
            rows: torch.Tensor | slice = slice(start, start + self.batch_size)
            if order is not None:
                rows = order[rows]
                rows = rows[share_of(len(rows), self.rank, self.world_size)]
            batch = {"X": self.X[rows], "labels": self.labels[rows]}
            if self.held_out_by is not None:
                batch["held_out_by"] = self.held_out_by[rows]
            yield batch

    def _order(self, generator: torch.Generator) -> torch.Tensor:
        """Every cell once in a new order, or as many draws with each label as likely."""
        n = len(self.X)
        if not self.balanced:
            return torch.randperm(n, generator=generator)
        labels = self.labels.view(-1).cpu()
        share = (1.0 / torch.bincount(labels).double())[labels].cumsum(0)
        draws = torch.rand(n, generator=generator, dtype=torch.float64) * share[-1]
        return torch.searchsorted(share, draws).clamp_(max=n - 1)


class ResidentDataModule(pl.LightningDataModule):
    """Training and validation cells as tensors, dense or sparse.

    Minibatches are `{"X": float32 (B, G), "labels": int64 (B, 1)}`, and where several networks are
    trained, each without some of the cells, `{"held_out_by": int64 (B, 1)}` beside these. Of
    several processes, each takes its share of every minibatch, and all validation cells.

    Parameters
    ----------
    cells
        Model input, float32 `(n_obs, n_genes)`.
    codes
        Label codes, `(n_obs,)`.
    train_idx, val_idx
        Positions of the cells of either part.
    held_out_by
        Which network must not learn from each cell, and is judged on it, `(n_obs,)`; -1 for none.
    batch_size
        Cells in a minibatch.
    seed
        Of the order of the training cells.

    Attributes
    ----------
    balanced
        Whether training cells are drawn, with replacement, with each label as likely as the
        others, instead of each cell once an epoch.
    epoch_at_once
        Whether `train_dataloader` gives the minibatches of an epoch together, as
        :class:`EpochAtOnce`, for plans that make their steps themselves.
    """

    def __init__(
        self,
        cells: DenseCells | SparseCells,
        codes: np.ndarray,
        *,
        train_idx: np.ndarray,
        val_idx: np.ndarray,
        batch_size: int,
        seed: int,
        held_out_by: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.train_idx = train_idx
        self.val_idx = val_idx
        self.test_idx = None
        self.batch_size = batch_size
        self.balanced = self.epoch_at_once = False
        self.n_obs, self.n_vars = cells.shape
        self._cells = cells
        self._labels = torch.from_numpy(codes).view(-1, 1)
        self._held_out_by = None
        if held_out_by is not None:
            self._held_out_by = torch.from_numpy(held_out_by).view(-1, 1)
        self._generator = torch.Generator().manual_seed(seed)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint is to hold: how the training cells are shuffled next."""
        return {"order": self._generator.get_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Shuffle on as the training whose checkpoint this is."""
        self._generator.set_state(state_dict["order"])

    @property
    def n_train(self) -> int:
        """How many cells are trained on."""
        return len(self.train_idx)

    @property
    def n_val(self) -> int:
        """How many cells are kept aside for validation."""
        return len(self.val_idx)

    @property
    def train_codes(self) -> np.ndarray:
        """Label codes of the training cells, int64 `(n_train,)`."""
        return self._labels.view(-1).numpy()[self.train_idx]

    def train_dataloader(self) -> _Minibatches | EpochAtOnce[_Minibatches]:
        """Return the training cells, in a new order every epoch."""
        minibatches = self._minibatches(self.train_idx, self.batch_size, self._generator)
        return EpochAtOnce(minibatches) if self.epoch_at_once else minibatches

    def val_dataloader(self) -> _Minibatches | list:
        """Return the validation cells, in their order."""
        if self.n_val == 0:
            return []
        return self._minibatches(self.val_idx, max(self.batch_size, 1024), None)

    def _minibatches(
        self, rows: np.ndarray, batch_size: int, generator: torch.Generator | None
    ) -> _Minibatches:
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        rank, world_size = place_among(None if generator is None else self.trainer)
        index, parts = torch.from_numpy(rows), self._held_out_by
        return _Minibatches(
            self._kept(index, device),
            self._labels[index].to(device),
            batch_size,
            generator,
            held_out_by=None if parts is None else parts[index].to(device),
            balanced=self.balanced,
            rank=rank,
            world_size=world_size,
        )

    def _kept(
        self, index: torch.Tensor, device: torch.device
    ) -> torch.Tensor | DenseRows | SparseRows:
        if isinstance(self._cells, SparseCells):
            return SparseRows(self._cells.X, index, device)
        if device.type == "cpu":  # no copy
            return DenseRows(torch.from_numpy(self._cells.X), index)
        return torch.from_numpy(self._cells.X)[index].to(device)
