"""Recipes, optimisers and what is logged."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch import nn

from cellclass.data import DenseCells, ResidentDataModule
from cellclass.module import MLP, CrossFitted
from cellclass.train import ClassifierPlan, Recipe, quiet_lightning
from cellclass.train._plan import parameter_groups


@pytest.mark.parametrize(
    ("n_train", "expected"), [(128 * 400, 2), (10**9, 2), (1, 400), (1280, 40), (129, 200)]
)
def test_epochs_make_about_so_many_steps(n_train, expected):
    assert Recipe(n_steps=400, batch_size=128).epochs(n_train, 2000) == expected
    assert Recipe(max_epochs=7).epochs(n_train, 10) == 7


def test_panels_get_up_to_four_times_as_many_steps():
    epochs = [Recipe(n_steps=100, batch_size=10).epochs(100, n) for n in (1, 250, 500, 1000, 9000)]
    assert epochs == [40, 40, 20, 10, 10]


def test_a_network_does_not_learn_from_the_cells_that_are_kept_from_it():
    module = CrossFitted([network(), network()], torch.tensor([[0, 1, 2, 3, 4]] * 2))
    plan = ClassifierPlan(module, Recipe(gene_dropout=0.0))
    x, labels = torch.randn(6, 5), torch.arange(6).view(-1, 1) % 3
    held_out_by = torch.tensor([0, 0, 1, 1, -1, 0]).view(-1, 1)
    batch = {"X": x, "labels": labels, "held_out_by": held_out_by}
    found = plan.training_step(batch, 0)
    logits = module.member_logits(x)
    expected = sum(
        nn.functional.cross_entropy(logits[k][rows], labels.view(-1)[rows])
        for k, rows in enumerate(([2, 3, 4], [0, 1, 4, 5]))
    )
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(found, module.parts[0].head[0].bias, retain_graph=True)
    batch["X"] = torch.where(held_out_by == 0, 99.0, x)
    (again,) = torch.autograd.grad(plan.training_step(batch, 0), module.parts[0].head[0].bias)
    torch.testing.assert_close(gradient, again)


def network():
    torch.manual_seed(0)
    return MLP(5, 3, n_hidden=(8,), dropout=0.0)


def datamodule(n=60, share=0.25):
    rng = np.random.default_rng(0)
    codes = np.arange(n) % 3
    X = (rng.normal(size=(n, 5)) + np.eye(5)[codes] * 3).astype(np.float32)
    n_train = int(n * (1 - share))
    rows = np.arange(n)
    return ResidentDataModule(
        DenseCells(X),
        codes,
        train_idx=rows[:n_train],
        val_idx=rows[n_train:],
        batch_size=16,
        seed=0,
    )


class Log(pl.Callback):
    def __init__(self):
        self.rows, self.lr = [], []

    def on_train_batch_end(self, trainer, *_):
        self.lr.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_start(self, trainer, *_):
        if trainer.current_epoch:  # the plan logs after the callbacks were called
            self.on_train_end(trainer)

    def on_train_end(self, trainer, *_):
        self.rows.append({name: float(v) for name, v in trainer.callback_metrics.items()})


def fit(plan, data, epochs, folder):
    log = Log()
    with quiet_lightning():
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            callbacks=[log],
            default_root_dir=folder,
        )
        trainer.fit(plan, datamodule=data)
    return log


@pytest.mark.parametrize(
    "recipe",
    [Recipe(batch_size=16), Recipe(optimizer="adam", schedule="constant", l2=1e-3, batch_size=16)],
    ids=["default", "published"],
)
def test_a_fit_learns_and_logs(recipe, tmp_path):
    plan = ClassifierPlan(network(), recipe)
    log = fit(plan, datamodule(), 30, tmp_path)
    assert set(log.rows[-1]) == {"train_loss", "validation_loss", "validation_accuracy"}
    assert log.rows[-1]["train_loss"] < 0.75 * log.rows[0]["train_loss"]
    assert log.rows[-1]["validation_accuracy"] > 0.8


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_an_epoch_at_once_takes_the_same_steps(schedule, tmp_path):
    weights, logs = [], []
    for at_once in (False, True):
        plan = ClassifierPlan(network(), Recipe(batch_size=16, schedule=schedule))
        data = datamodule()
        plan.automatic_optimization, data.epoch_at_once = not at_once, at_once
        torch.manual_seed(0)
        logs.append(fit(plan, data, 4, tmp_path))
        weights.append(plan.module.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert logs[0].rows == logs[1].rows
    assert [len(log.lr) for log in logs] == [12, 4]


def test_logged_loss_is_the_mean_over_cells(tmp_path):
    plan = ClassifierPlan(
        network(), Recipe(lr=0.0, weight_decay=0.0, batch_size=16, gene_dropout=0.0)
    )
    data = datamodule()
    (row,) = fit(plan, data, 1, tmp_path).rows
    module = network().eval()
    for name, rows in (("train_loss", data.train_idx), ("validation_loss", data.val_idx)):
        with torch.no_grad():
            expected = nn.functional.cross_entropy(
                module(torch.from_numpy(data._cells.read(rows))), data._labels[rows].view(-1)
            )
        assert row[name] == pytest.approx(float(expected), rel=1e-5)


def test_genes_are_taken_from_some_cells():
    torch.manual_seed(0)
    fill = torch.arange(1000.0) + 1
    plan = ClassifierPlan(network(), Recipe(gene_dropout=0.5), fill)
    x = plan._without_genes(torch.zeros(400, 1000))
    gone = x != 0
    assert (x[gone] == fill.expand_as(x)[gone]).all()
    shares = gone.float().mean(dim=1).numpy()
    assert 0.4 < (shares == 0).mean() < 0.6
    assert 0.6 < shares.max() < 0.75
    assert 0.3 < shares[shares > 0].mean() < 0.4
    assert 0.1 < gone.float().mean(dim=0).min() < gone.float().mean(dim=0).max() < 0.25


def test_cosine_warms_up_and_ends_near_zero(tmp_path):
    recipe = Recipe(lr=0.1, warmup=0.2, batch_size=16)
    lr = fit(ClassifierPlan(network(), recipe), datamodule(), 10, tmp_path).lr
    top = int(np.argmax(lr))
    assert max(lr) == pytest.approx(0.1)
    assert 3 <= top <= 7
    assert (np.diff(lr[top:]) <= 0).all()
    assert lr[-1] < 1e-3


def test_weight_decay_is_on_matrices_only():
    plan = ClassifierPlan(network(), Recipe(schedule="constant", weight_decay=0.3))
    matrices, vectors = plan.configure_optimizers()["optimizer"].param_groups
    assert matrices["weight_decay"] == 0.3
    assert vectors["weight_decay"] == 0
    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in vectors["params"]} == {1}


def test_l2_is_the_gradient_of_the_sum_of_squares_of_the_encoder():
    plan = ClassifierPlan(network(), Recipe(optimizer="adam", schedule="constant", l2=0.01))
    encoder, head = plan.configure_optimizers()["optimizer"].param_groups
    assert encoder["weight_decay"] == pytest.approx(0.02)
    assert head["weight_decay"] == 0
    assert len(encoder["params"]) + len(head["params"]) == len(list(network().parameters()))


def test_adam_takes_the_networks_of_a_cross_fitted_one_too():
    module = CrossFitted([network(), network()], torch.tensor([[0, 1, 2, 3, 4]] * 2))
    plan = ClassifierPlan(module, Recipe(optimizer="adam", schedule="constant", l2=0.01))
    encoder, head = plan.configure_optimizers()["optimizer"].param_groups
    n_parameters = len(list(module.parameters()))
    assert len(encoder["params"]) + len(head["params"]) == n_parameters
    assert encoder["weight_decay"] == pytest.approx(0.02)


def test_weights_multiply_the_loss_of_a_cell():
    recipe = Recipe(gene_dropout=0.0)
    x, labels = torch.randn(6, 5), torch.tensor([0, 0, 0, 0, 1, 2])
    weights = torch.tensor([0.5, 2.0, 4.0])
    plan = ClassifierPlan(network().eval(), recipe, weights=weights)
    found = plan.training_step({"X": x, "labels": labels.view(-1, 1)}, 0)
    each = nn.functional.cross_entropy(plan(x), labels, reduction="none")
    assert found.item() == pytest.approx((each * weights[labels]).mean().item(), rel=1e-6)
    even = ClassifierPlan(network().eval(), recipe)
    found = even.training_step({"X": x, "labels": labels.view(-1, 1)}, 0)
    assert found.item() == pytest.approx(each.mean().item(), rel=1e-6)


class Layered(nn.Module):
    """Three layers that know their place."""

    n_layers = 3

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

    def layer_of(self, name):
        return int(name.split(".")[1])


def test_learning_rates_fall_from_layer_to_layer():
    module = Layered()
    module.parts[1].requires_grad_(requires_grad=False)
    groups = parameter_groups(module, Recipe(lr=1.0, layer_decay=0.5, weight_decay=3.0))
    found = {
        id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]
    }
    first, _, last = module.parts
    assert found == {
        id(first.weight): (0.25, 3.0),
        id(first.bias): (0.25, 0.0),
        id(last.weight): (1.0, 3.0),
        id(last.bias): (1.0, 0.0),
    }
    with pytest.raises(ValueError, match=r"layer_decay=0\.5 is for transformers"):
        parameter_groups(nn.Linear(2, 2), Recipe(layer_decay=0.5))
    with pytest.raises(ValueError, match="layer_decay=0"):
        Recipe(layer_decay=0.0)
