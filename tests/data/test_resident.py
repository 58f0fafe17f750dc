"""Minibatches hold every cell of their part once."""

import numpy as np
import pytest
import torch

from cellclass.data import DenseCells, ResidentDataModule


@pytest.fixture
def module():
    X = np.arange(22, dtype=np.float32).reshape(11, 2)
    codes = np.arange(11) % 3
    rows = np.arange(11)
    return ResidentDataModule(
        DenseCells(X),
        codes,
        train_idx=rows[rows % 5 > 0],
        val_idx=rows[rows % 5 == 0],
        batch_size=3,
        seed=4,
    )


def test_sizes(module):
    assert (module.n_obs, module.n_vars, module.n_train, module.n_val) == (11, 2, 8, 3)
    assert len(module.train_dataloader()) == 3


def test_an_epoch_is_every_training_cell_once_in_a_new_order(module):
    loader = module.train_dataloader()
    epochs = []
    for _ in range(2):
        parts = list(loader)
        assert [len(part["X"]) for part in parts] == [3, 3, 2]
        assert parts[0]["X"].dtype == torch.float32
        assert parts[0]["labels"].dtype == torch.int64
        assert parts[0]["labels"].shape == (3, 1)
        epochs.append(torch.cat([part["X"] for part in parts])[:, 0] / 2)
        labels = torch.cat([part["labels"] for part in parts]).view(-1)
        assert (labels == epochs[-1].long() % 3).all()
    assert sorted(epochs[0].tolist()) == module.train_idx.tolist()
    assert sorted(epochs[1].tolist()) == module.train_idx.tolist()
    assert epochs[0].tolist() != epochs[1].tolist()


def test_an_epoch_at_once_holds_the_same_minibatches(module):
    one_by_one = [part["X"] for _ in range(2) for part in module.train_dataloader()]
    module._generator.manual_seed(4)
    module.epoch_at_once = True
    loader = module.train_dataloader()
    assert len(loader) == 1
    together = [part["X"] for _ in range(2) for epoch in loader for part in epoch]
    assert len(together) == 6
    assert all(torch.equal(a, b) for a, b in zip(together, one_by_one, strict=True))


def test_order_comes_from_the_seed_not_from_torch(module):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    list(module.train_dataloader())
    assert torch.equal(torch.get_rng_state(), state)


def test_processes_share_one_order(module):
    """Minibatches of 3, 3 and 2 cells; three processes take the last one whole."""
    shares = []
    for rank in range(3):
        module._generator.manual_seed(4)
        loader = module.train_dataloader()
        loader.rank, loader.world_size = rank, 3
        assert len(loader) == 3
        shares.append([part["labels"].view(-1).tolist() for part in loader])
    module._generator.manual_seed(4)
    for at, whole in enumerate(module.train_dataloader()):
        own = [share[at] for share in shares]
        labels = whole["labels"].view(-1).tolist()
        assert own == ([[label] for label in labels] if at < 2 else [labels] * 3)


def test_validation_cells_come_in_their_order(module):
    (part,) = module.val_dataloader()
    assert (part["X"][:, 0] / 2).tolist() == [0, 5, 10]


def test_without_validation_cells():
    X = np.zeros((4, 2), np.float32)
    none = np.zeros(0, dtype=np.int64)
    module = ResidentDataModule(
        DenseCells(X),
        np.zeros(4, np.int64),
        train_idx=np.arange(4),
        val_idx=none,
        batch_size=9,
        seed=0,
    )
    assert len(list(module.train_dataloader())) == 1
    assert list(module.val_dataloader()) == []


def test_balanced_minibatches_hold_labels_alike():
    codes = np.repeat([0, 1, 2], [900, 90, 10])
    X = codes[:, None].astype(np.float32)
    none = np.zeros(0, dtype=np.int64)
    module = ResidentDataModule(
        DenseCells(X), codes, train_idx=np.arange(1000), val_idx=none, batch_size=100, seed=0
    )
    module.balanced = True
    np.testing.assert_array_equal(module.train_codes, codes)
    parts = list(module.train_dataloader())
    assert [len(part["X"]) for part in parts] == [100] * 10
    drawn = torch.cat([part["labels"] for part in parts]).view(-1)
    assert (drawn == torch.cat([part["X"] for part in parts]).view(-1)).all()
    assert np.abs(np.bincount(drawn) / 1000 - 1 / 3).max() < 0.05
