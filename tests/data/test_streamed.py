"""Minibatches out of a file hold every cell of their part once an epoch."""

import numpy as np
import pytest
import torch

from cellclass.data import DenseCells, StreamedDataModule


@pytest.fixture
def module():
    X = np.arange(4000, dtype=np.float32).reshape(2000, 2)
    rows = np.arange(2000)
    return StreamedDataModule(
        DenseCells(X),
        rows % 3,
        train_idx=rows[rows % 5 > 0],
        val_idx=rows[rows % 5 == 0],
        batch_size=32,
        seed=4,
    )


def cells_of(loader):
    parts = list(loader)
    cells = torch.cat([part["X"] for part in parts])[:, 0].long() // 2
    labels = torch.cat([part["labels"] for part in parts])
    assert labels.shape == (len(cells), 1)
    assert (labels.view(-1) == cells % 3).all()
    return cells.tolist()


def test_sizes(module):
    assert (module.n_obs, module.n_vars, module.n_train, module.n_val) == (2000, 2, 1600, 400)
    assert len(module.train_dataloader()) == 50


def test_an_epoch_is_every_training_cell_once_in_a_new_order(module):
    first, second = cells_of(module.train_dataloader()), cells_of(module.train_dataloader())
    assert sorted(first) == sorted(second) == module.train_idx.tolist()
    assert first != second


def test_an_epoch_at_once_holds_every_cell_once(module):
    module.epoch_at_once = True
    (epoch,) = module.train_dataloader()
    assert len(epoch) == 50
    assert sorted(cells_of(epoch)) == module.train_idx.tolist()


def test_cells_are_mixed(module):
    cells = np.array(cells_of(module.train_dataloader()))
    neighbours = np.abs(np.diff(cells)) < 10
    assert neighbours.mean() < 0.1


def test_validation_cells_come_in_their_order(module):
    assert cells_of(module.val_dataloader()) == module.val_idx.tolist()


def test_balanced(module):
    rows = np.arange(2000)
    module._codes = (rows % 100 == 1).astype(np.int64)
    module.balanced = True
    labels = torch.cat([batch["labels"] for batch in module.train_dataloader()])
    assert 0.4 < labels.float().mean() < 0.6


def test_without_validation_cells():
    none = np.zeros(0, dtype=np.int64)
    module = StreamedDataModule(
        DenseCells(np.zeros((4, 2), np.float32)),
        np.zeros(4, np.int64),
        train_idx=np.arange(4),
        val_idx=none,
        batch_size=9,
        seed=0,
    )
    assert len(list(module.train_dataloader())) == 1
    assert module.val_dataloader() == []
