"""Minibatches of cells that stay in their file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import lightning.pytorch as pl
import torch
from scdataset import BlockShuffling, ClassBalancedSampling, Streaming, scDataset

from cellclass.contract import ahead
from cellclass.data._epoch import EpochAtOnce
from cellclass.data._processes import place_among, share_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from scdataset.strategy import SamplingStrategy

    from cellclass.data._cells import Cells

# Neighbouring cells that are read together: the order is random from block to block, and from cell
# to cell among those that are in memory together.
_BLOCK = 64
_IN_MEMORY = 8192
_LOOK = 1024


class _Stretch(NamedTuple):
    """Cells that were read together."""

    X: torch.Tensor
    labels: torch.Tensor


class _Minibatches:
    """Minibatches of one pass, the next cells being read meanwhile."""

    def __init__(self, cells: scDataset, rank: int, world_size: int, device: torch.device) -> None:
        self.cells, self.rank, self.world_size, self.device = cells, rank, world_size, device

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in ahead(self.cells):
            part = share_of(len(batch["labels"]), self.rank, self.world_size)
            yield {name: tensor[part].to(self.device) for name, tensor in batch.items()}


class StreamedDataModule(pl.LightningDataModule):
    """Training and validation cells, read as they are needed.

    Minibatches are `{"X": float32 (B, G), "labels": int64 (B, 1)}`. Cells are drawn in blocks of 64
    neighbours and mixed among about 8,000 (by scDataset), so that a file is read in stretches;
    every cell comes once an epoch. Of several processes, each takes its share of every minibatch,
    and all validation cells.

    Parameters
    ----------
    cells
        Model input.
    codes
        Label codes, `(n_obs,)`.
    train_idx, val_idx
        Positions of the cells of either part.
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
        cells: Cells,
        codes: np.ndarray,
        *,
        train_idx: np.ndarray,
        val_idx: np.ndarray,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.train_idx = train_idx
        self.val_idx = val_idx
        self.test_idx = None
        self.batch_size = batch_size
        self.balanced = self.epoch_at_once = False
        self.n_obs, self.n_vars = cells.shape
        self._cells, self._codes, self._seed = cells, codes, seed
        self._training: scDataset | None = None
        self._n_drawn = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint is to hold: how many epochs were drawn."""
        drawn = self._n_drawn if self._training is None else self._training._epoch  # noqa: SLF001
        return {"n_drawn": drawn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Shuffle on as the training whose checkpoint this is."""
        self._n_drawn = state_dict["n_drawn"]

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
        return self._codes[self.train_idx]

    def train_dataloader(self) -> _Minibatches | EpochAtOnce[_Minibatches]:
        """Return the training cells, in a new order every epoch."""
        if self._training is None:  # which counts the epochs
            strategy: SamplingStrategy = BlockShuffling(block_size=_BLOCK, indices=self.train_idx)
            if self.balanced:
                strategy = ClassBalancedSampling(
                    self.train_codes, block_size=1, indices=self.train_idx
                )
            self._training = self._read(strategy, self.batch_size)
            self._training._epoch = self._n_drawn  # noqa: SLF001 - there is no other way
        minibatches = self._minibatches(self._training, shared=True)
        return EpochAtOnce(minibatches) if self.epoch_at_once else minibatches

    def val_dataloader(self) -> _Minibatches | list:
        """Return the validation cells, in their order; every process gets all of them."""
        if self.n_val == 0:
            return []
        cells = self._read(Streaming(indices=self.val_idx), _LOOK)
        return self._minibatches(cells, shared=False)

    def _read(self, strategy: SamplingStrategy, batch_size: int) -> scDataset:
        return scDataset(
            self._cells,
            strategy,
            batch_size,
            fetch_factor=max(1, _IN_MEMORY // batch_size),
            fetch_callback=partial(_stretch, codes=self._codes),
            batch_callback=_minibatch,
            # Of a stretch that is read together, each process takes its share.
            rank=0,
            world_size=1,
            seed=self._seed,
        )

    def _minibatches(self, cells: scDataset, *, shared: bool) -> _Minibatches:
        trainer = self.trainer
        device = torch.device("cpu") if trainer is None else trainer.strategy.root_device
        return _Minibatches(cells, *place_among(trainer if shared else None), device)


def _stretch(cells: Cells, rows: np.ndarray, *, codes: np.ndarray) -> _Stretch:
    return _Stretch(torch.from_numpy(cells.read(rows)), torch.from_numpy(codes[rows]).view(-1, 1))


def _minibatch(stretch: _Stretch, places: np.ndarray) -> dict[str, torch.Tensor]:
    where = torch.from_numpy(places)
    return {"X": stretch.X[where], "labels": stretch.labels[where]}
