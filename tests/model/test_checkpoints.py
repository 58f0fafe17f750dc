"""An interrupted training goes on to the model of one that was not, bit for bit."""

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

import cellclass as cc
from cellclass.errors import ModelFileError

MLP = cc.model.CellClassifierMLP
FIT = {"max_epochs": 5, "accelerator": "cpu", "enable_progress_bar": False, "batch_size": 32}


class KilledError(Exception):
    pass


@pytest.fixture
def cells():
    return cc.datasets.simulate_counts(150, 40, n_labels=3, n_markers=8, rng=0)


@pytest.fixture
def cut(monkeypatch):
    """Train, and be killed when an epoch has begun."""

    def train(model, folder, epoch=3, **how):
        def begins(self, *args):
            real(self, *args)
            if args[0].current_epoch == epoch:
                raise KilledError

        from cellclass.train import KeepCheckpoint

        real = KeepCheckpoint.on_train_epoch_start
        with monkeypatch.context() as patch:
            patch.setattr(KeepCheckpoint, "on_train_epoch_start", begins)
            with pytest.raises(KilledError):
                model.train(**FIT | how, checkpoint_dir=folder)
        return model

    return train


def made(cells, model_class=MLP, **settings):
    model_class.setup_anndata(cells, labels_key="cell_type")
    return model_class(cells, **settings)


def check_same(model, whole, cells):
    state = model.module.state_dict()
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert set(model.history) == set(whole.history)
    for name, frame in whole.history.items():
        pd.testing.assert_frame_equal(model.history[name], frame)
    np.testing.assert_array_equal(model.predict(cells, soft=True), whole.predict(cells, soft=True))
    card = model.card
    assert {name for name, value in whole.card.items() if card[name] != value} <= {"trained"}


@pytest.mark.parametrize(
    ("model_class", "settings", "how"),
    [
        (MLP, {}, {}),  # five networks
        (MLP, {"validation_size": 0.2}, {"plan_kwargs": {"balanced_sampling": True}}),
        (MLP, {"validation_size": 0.2, "preset": "published"}, {}),
        (cc.model.CellClassifierCNN, {}, {"callbacks": [Callback()]}),  # Lightning's own steps
        (
            cc.model.CellPerformer,
            {"attention": "favor", "redraw_every": 2, "n_tokens": 16, "depth": 1},
            {},
        ),
    ],
)
def test_an_interrupted_training_goes_on(cells, cut, tmp_path, model_class, settings, how):
    whole = made(cells, model_class, **settings)
    whole.train(**FIT | how, checkpoint_dir=tmp_path / "whole")
    cut(made(cells, model_class, **settings), tmp_path / "cut", **how)
    torch.randn(3)
    again = made(cells, model_class, **settings)
    again.train(**FIT | how, checkpoint_dir=tmp_path / "cut", resume=True)
    check_same(again, whole, cells)
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["training.safetensors"]


def test_writing_checkpoints_changes_nothing_and_a_finished_training_is_not_repeated(
    cells, tmp_path
):
    whole, kept = made(cells), made(cells)
    whole.train(**FIT)
    kept.train(**FIT, checkpoint_dir=tmp_path, checkpoint_every=2)
    check_same(kept, whole, cells)
    file = tmp_path / "training.safetensors"
    stamp = file.stat().st_mtime_ns
    again = made(cells)
    again.train(**FIT, checkpoint_dir=tmp_path, resume=True)
    check_same(again, whole, cells)
    assert file.stat().st_mtime_ns == stamp
    made(cells).train(**FIT, checkpoint_dir=tmp_path)  # what is over may be replaced
    assert file.stat().st_mtime_ns > stamp


@pytest.mark.parametrize("epoch", [0, 4])
def test_it_goes_on_in_the_same_session(cells, cut, tmp_path, epoch):
    whole = made(cells)
    whole.train(**FIT)
    model = cut(made(cells), tmp_path, epoch)
    model.train(**FIT, checkpoint_dir=tmp_path, resume=True)
    check_same(model, whole, cells)


def test_a_second_training_goes_on_too(cells, cut, tmp_path):
    """Its history goes below that of the first, once."""
    whole, model = made(cells), made(cells)
    for each in (whole, model):
        each.train(**FIT | {"max_epochs": 2})
    whole.train(**FIT)
    cut(model, tmp_path)
    model.train(**FIT, checkpoint_dir=tmp_path, resume=True)
    check_same(model, whole, cells)
    assert len(model.history["train_loss"]) == 7


def test_early_stopping_goes_on(cells, cut, tmp_path, monkeypatch):
    """Each look is worse than the first one: it stops at the third, and goes back."""

    def worse(self, trainer, plan):
        real(self, trainer, plan)
        if self._n_looks:
            self._n_worse = self._n_looks
            trainer.should_stop = self._n_worse >= self.patience
        self._n_looks += 1

    from cellclass.train import StopWhenWorse

    real = StopWhenWorse.on_validation_end
    state, load = StopWhenWorse.state_dict, StopWhenWorse.load_state_dict
    monkeypatch.setattr(StopWhenWorse, "_n_looks", 0, raising=False)
    monkeypatch.setattr(StopWhenWorse, "on_validation_end", worse)
    monkeypatch.setattr(
        StopWhenWorse, "state_dict", lambda self: state(self) | {"n_looks": self._n_looks}
    )
    monkeypatch.setattr(
        StopWhenWorse,
        "load_state_dict",
        lambda self, kept: (load(self, kept), setattr(self, "_n_looks", kept["n_looks"])),
    )
    whole = made(cells, validation_size=0.2)
    whole.train(**FIT | {"max_epochs": 9}, checkpoint_dir=tmp_path / "whole")
    assert len(whole.history["train_loss"]) == 4
    for epoch in (2, 3):
        folder = tmp_path / f"{epoch}"
        cut(made(cells, validation_size=0.2), folder, epoch, max_epochs=9)
        model = made(cells, validation_size=0.2)
        model.train(**FIT | {"max_epochs": 9}, checkpoint_dir=folder, resume=True)
        check_same(model, whole, cells)
    over = made(cells, validation_size=0.2)
    over.train(**FIT | {"max_epochs": 9}, checkpoint_dir=tmp_path / "whole", resume=True)
    check_same(over, whole, cells)


def test_cells_that_stay_in_their_file(cells, cut, tmp_path, monkeypatch):
    monkeypatch.setattr("cellclass.data._cells.MOST_KEPT", 0)
    monkeypatch.setattr("cellclass.contract._bound.BoundInput.n_bytes", 0)
    settings = {"validation_size": 0.2}
    whole = made(cells, **settings)
    whole.train(**FIT)
    cut(made(cells, **settings), tmp_path)
    again = made(cells, **settings)
    again.train(**FIT, checkpoint_dir=tmp_path, resume=True)
    check_same(again, whole, cells)


class Given(pl.LightningDataModule):
    """Cells that torch shuffles."""

    def __init__(self, model, cells):
        super().__init__()
        rows = np.arange(cells.n_obs)
        self.X = torch.from_numpy(model.contract.bind(cells).read(rows))
        codes = cells.obs["cell_type"].cat.codes.to_numpy(np.int64)
        self.codes = torch.from_numpy(codes)
        self.n_val, self.n_train, self.n_vars = 30, cells.n_obs - 30, self.X.shape[1]

    def _loader(self, start, stop, shuffle):
        def collate(rows):
            return {"X": self.X[rows], "labels": self.codes[rows]}

        rows = range(start, stop)
        return DataLoader(rows, batch_size=32, shuffle=shuffle, collate_fn=collate)

    def train_dataloader(self):
        return self._loader(30, len(self.X), shuffle=True)

    def val_dataloader(self):
        return self._loader(0, 30, shuffle=False)


def test_cells_of_a_datamodule(cells, cut, tmp_path):
    def one():
        return made(cells, validation_size=0.2)

    whole = one()
    whole.train(**FIT, datamodule=Given(whole, cells))
    model = one()
    cut(model, tmp_path, datamodule=Given(model, cells))
    again = one()
    again.train(**FIT, datamodule=Given(again, cells), checkpoint_dir=tmp_path, resume=True)
    check_same(again, whole, cells)


def test_another_training_is_refused_by_what_differs(cells, cut, tmp_path):
    cut(made(cells, validation_size=0.2), tmp_path)

    def differs(message, adata=cells, model_class=MLP, settings=None, **how):
        model = made(adata, model_class, **{"validation_size": 0.2} | (settings or {}))
        with pytest.raises(ValueError, match=message):
            model.train(**FIT | how, checkpoint_dir=tmp_path, resume=True)

    differs("another training: max_epochs is 5 there and 6 here", max_epochs=6)
    differs("batch_size is 32 there and 16 here", batch_size=16)
    differs("lr is 0.003 there and 0.1 here", plan_kwargs={"lr": 0.1})
    differs("precision is None there and 'bf16-mixed' here", precision="bf16-mixed")
    differs("seed is 0 there and 1 here", settings={"seed": 1})
    differs("the class is 'CellClassifierMLP' there", model_class=cc.model.CellClassifierCNN)
    other = cells.copy()
    other.X[3] = cells.X[4]
    differs("the cells differ", other)
    differs("callbacks, or settings of Lightning is False there", callbacks=[Callback()])
    trained = made(cells, validation_size=0.2)
    trained.train(**FIT)
    with pytest.raises(ValueError, match=r"the weights to begin with differ\. Give another"):
        trained.train(**FIT, checkpoint_dir=tmp_path, resume=True)


def test_what_cannot_be_asked_for(cells, cut, tmp_path):
    model = made(cells)
    with pytest.raises(ValueError, match="in which folder it is, checkpoint_dir="):
        model.train(**FIT, resume=True)
    with pytest.raises(ValueError, match="checkpoint_every=0"):
        model.train(**FIT, checkpoint_dir=tmp_path, checkpoint_every=0)
    with pytest.raises(ValueError, match="max_steps counts steps"):
        model.train(**FIT, checkpoint_dir=tmp_path, max_steps=9)
    cut(model, tmp_path)
    with pytest.raises(FileExistsError, match=r"interrupted in epoch 4\. Go on with resume=True"):
        made(cells).train(**FIT, checkpoint_dir=tmp_path)


def test_a_damaged_checkpoint_is_refused(cells, cut, tmp_path):
    cut(made(cells), tmp_path)
    file = tmp_path / "training.safetensors"
    whole = file.read_bytes()
    for damaged in (b"", whole[:1000], whole[:-1], whole[:-1] + b"?", b"x" + whole[1:]):
        file.write_bytes(damaged)
        for resume in (True, False):
            with pytest.raises(ModelFileError, match=r"training\.safetensors was damaged.*anew"):
                made(cells).train(**FIT, checkpoint_dir=tmp_path, resume=resume)
