"""`cellclass train` trains as Python does, bit for bit, and says what is wrong in a line."""

import inspect
import json
from dataclasses import fields

import anndata as ad
import click
import numpy as np
import pytest

import cellclass as cc
from cellclass.cli import _train
from cellclass.cli._options import options_of
from cellclass.cli.commands import train
from cellclass.train import Recipe

SETTINGS = {"n_top_genes": 40, "validation_size": 0.2}
FIT = {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False}
KEYS = ["--labels-key", "cell_type"]


def in_python(folder, cls, *, setup=None, settings=SETTINGS, fit=FIT, pretrain=None):
    """Train with the same arguments in Python, and label the query."""
    reference = ad.read_h5ad(folder / "reference.h5ad")
    cls.setup_anndata(reference, labels_key="cell_type", **setup or {})
    model = cls(reference, **settings)
    if pretrain is not None:
        model.pretrain(accelerator="cpu", enable_progress_bar=False, **pretrain)
    model.train(**fit)
    query = ad.read_h5ad(folder / "query.h5ad")
    cc.tl.annotate(query, model)
    return model, query


def check_same(run, folder, out, model, query):
    """Label the query with the command, and compare all that is written, bit for bit."""
    run("predict", folder / "query.h5ad", "--model", out, "--out", folder / "out.h5ad")
    found = ad.read_h5ad(folder / "out.h5ad")
    assert found.obs["cellclass"].tolist() == query.obs["cellclass"].tolist()
    for name in ("cellclass_confidence", "cellclass_novelty_pvalue"):
        assert found.obs[name].to_numpy().tobytes() == query.obs[name].to_numpy().tobytes()
    probability = found.obsm["cellclass_probability"].to_numpy()
    assert probability.tobytes() == query.obsm["cellclass_probability"].to_numpy().tobytes()
    card = type(model).load(out).card
    differ = {name for name, value in model.card.items() if card[name] != value}
    assert differ <= {"trained"}  # which is when


def test_the_same_labels_as_in_python(run, folder):
    """The perceptron with all that it is by default, but for the time that it takes."""
    out = folder / "mine"
    options = ["--layer", "counts", "--batch-key", "batch", "--epochs", "3", "--seed", "4"]
    done = run(
        "train", folder / "reference.h5ad", *KEYS, *options, "--accelerator", "cpu",
        "--learning-rate", "0.002", "--batch-size", "64", "--class-weights", "balanced",
        "--compare-baseline", "--out", out,
    )  # fmt: skip
    assert "each left out by one of 5 networks" in " ".join(done.stdout.split())
    assert "logistic regression" in " ".join(done.stdout.split())
    plan = {"lr": 0.002, "class_weights": "balanced"}
    model, query = in_python(
        folder,
        cc.model.CellClassifierMLP,
        setup={"layer": "counts", "batch_key": "batch"},
        settings={"seed": 4},
        fit=FIT
        | {"max_epochs": 3, "batch_size": 64, "plan_kwargs": plan, "compare_baseline": True},
    )
    model._card["baseline"]["logistic_regression"].pop("seconds")
    card = cc.model.CellClassifierMLP.load(out).card
    card["baseline"]["logistic_regression"].pop("seconds")
    assert card["baseline"] == model.card["baseline"]
    model._card.pop("baseline")
    check_same(run, folder, out, model, query)


def test_the_same_from_zarr(run, folder, short):
    out = folder / "from_zarr"
    run("train", folder / "reference.zarr", *KEYS, *short, "--out", out)
    check_same(run, folder, out, *in_python(folder, cc.model.CellClassifierMLP))


def test_the_same_convolutions(run, run_json, folder, short):
    out = folder / "cnn"
    options = ["--model", "cnn", "--gene-order", "js", *KEYS]
    found = run_json("train", folder / "reference.h5ad", *options, *short, "--out", out)
    assert found["class"] == "CellClassifierCNN"
    assert (found["n_genes"], found["epochs"], found["out"]) == (40, 2, str(out))
    model, query = in_python(
        folder, cc.model.CellClassifierCNN, settings=SETTINGS | {"gene_order": "js"}
    )
    assert found["validation"] == model.card["validation"]
    check_same(run, folder, out, model, query)


def test_the_same_transformer_with_pretraining(run, run_json, folder, short):
    out, vectors = folder / "performer", folder / "vectors.txt"
    genes = ad.read_h5ad(folder / "reference.h5ad").var_names
    numbers = np.random.default_rng(0).normal(size=(len(genes), 3)).round(3)
    vectors.write_text(
        "".join(
            f"{gene} {' '.join(map(str, row))}\n" for gene, row in zip(genes, numbers, strict=True)
        )
    )
    found = run_json(
        "train", folder / "reference.h5ad", *KEYS, *short, "--model", "performer",
        "--encoding", "bins", "--n-bins", "5", "--dropout", "0.2", "--redraw-every", "never",
        "--gene-embedding", vectors, "--precision", "bf16-mixed",
        "--pretrain", "--mask-prob", "0.3", "--replace-prob", "0.8", "--pretrain-epochs", "1",
        "--out", out,
    )  # fmt: skip
    assert found["pretraining"]["mask_prob"] == 0.3
    settings = {"encoding": "bins", "n_bins": 5, "dropout": 0.2, "redraw_every": None}
    model, query = in_python(
        folder,
        cc.model.CellPerformer,
        settings=SETTINGS | settings | {"gene_embedding": vectors},
        fit=FIT | {"precision": "bf16-mixed"},
        pretrain={
            "mask_prob": 0.3,
            "replace_prob": 0.8,
            "max_epochs": 1,
            "precision": "bf16-mixed",
        },
    )
    assert found["pretraining"] == json.loads(json.dumps(model.card["pretraining"]))
    check_same(run, folder, out, model, query)
    again = folder / "again"
    run(
        "train", folder / "reference.h5ad", *KEYS, *short, "--model", "performer",
        "--from-pretrained", out, "--freeze", "encoder", "--pretrain-cells",
        folder / "query.h5ad", "--pretrain-layer", "counts", "--pretrain-epochs", "1",
        "--out", again,
    )  # fmt: skip
    assert cc.model.CellPerformer.load(again).card["pretrained_genes"]["share"] == 1


def test_backed(run, folder, short):
    out = folder / "backed"
    run("train", folder / "reference.h5ad", *KEYS, *short, "--backed", "--out", out)
    check_same(run, folder, out, *in_python(folder, cc.model.CellClassifierMLP))


def test_every_argument_of_the_python_api_is_an_option():
    options = options_of(click.Context(train)).values()
    known = {(one.to, one.python) for one in options}
    of_python = {"self", "adata", "registry", "kwargs", "trainer_kwargs", "changes"}
    functions = {
        "setup": [cls.setup_anndata for cls in _train.CLASSES.values()],
        "init": [cls.__init__ for cls in _train.CLASSES.values()],
        "train": [cc.model.CellClassifierMLP.train],
        "pretrain": [cc.model.CellPerformer.pretrain],
        "from_pretrained": [cc.model.CellPerformer.from_pretrained],
    }
    # What needs objects of Python, and what is the same as elsewhere.
    left_out = {
        "train": {"callbacks", "datamodule", "plan_kwargs", "enable_progress_bar", "devices"},
        "pretrain": {
            "enable_progress_bar",
            "devices",
            "accelerator",
            "gene_aliases",
            "checkpoint_dir",
        },
        "from_pretrained": {"n_top_genes", "validation_size", "seed"},
    }
    for to, several in functions.items():
        arguments = {name for one in several for name in inspect.signature(one).parameters}
        missing = arguments - of_python - left_out.get(to, set())
        missing -= {name for kind, name in known if kind == to}
        assert not missing, f"{to}: {missing}"
    recipe = {one.name for one in fields(Recipe)} - {"max_epochs", "batch_size", "early_stopping"}
    assert recipe == {name for to, name in known if to == "recipe"}


def test_options_are_for_the_models_that_have_them():
    for one in options_of(click.Context(train)).values():
        if one.to != "init":
            continue
        takes = {
            kind
            for kind, cls in _train.CLASSES.items()
            if one.python in inspect.signature(cls.__init__).parameters
        }
        assert takes == set(one.models or _train.CLASSES), one.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels-key", "cell_typ"], "--labels-key 'cell_typ' is not a column of obs"),
        (["--labels-key", "cell_typ"], "'cell_type'"),
        ([*KEYS, "--layer", "count"], "--layer 'count' is not in layers (layers: 'counts'"),
        ([*KEYS, "--layer", "scaled"], "scaled"),
        ([*KEYS, "--batch-key", "donor"], "--batch-key 'donor'"),
        ([*KEYS, "--unlabeled-category", "none"], "--unlabeled-category 'none'"),
        ([*KEYS, "--model", "performer", "--tune-gene-embedding"], "give gene_embedding"),
        ([*KEYS, "--model", "performer", "--from-pretrained", "{}"], "does not exist"),
        ([*KEYS, "--model", "performer", "--previous-layer", "x"], "--previous-layer 'x'"),
    ],
)
def test_refused(run, folder, options, message):
    options = [option.format(folder) for option in options]
    done = run("train", folder / "reference.h5ad", *options, "--out", folder / "x", code=1)
    assert message in done.stderr
    assert not (folder / "x").exists()


def test_a_model_that_is_there_is_kept(run, folder, short):
    arguments = ["train", folder / "reference.h5ad", *KEYS, *short, "--out", folder / "model"]
    before = (folder / "model" / "model.json").read_bytes()
    assert "exists already. Pass --force" in run(*arguments, code=1).stderr
    assert (folder / "model" / "model.json").read_bytes() == before
    run(*arguments, "--seed", "9", "--force")
    assert cc.model.CellClassifierMLP.load(folder / "model").init_params_["non_kwargs"]["seed"] == 9
    done = run(*arguments[:-1], folder / "reference.zarr", "--force", code=1)
    assert "not a saved model" in done.stderr
    assert ad.read_zarr(folder / "reference.zarr").n_obs == 180


def test_files_that_are_no_reference(run, folder):
    for name, message in (("table.csv", "cellclass convert"), ("cells.h5mu", "MuData")):
        (folder / "cells.h5mu").touch()
        done = run("train", folder / name, *KEYS, "--out", folder / "x", code=1)
        assert message in done.stderr
    done = run("train", folder / "reference.zarr", *KEYS, "--backed", "--out", "x", code=1)
    assert "--backed is for .h5ad" in done.stderr


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])  # Lightning makes one the other
def test_stopped_by_hand(run, folder, short, monkeypatch, how):
    def stopped(self, **_):
        raise how

    monkeypatch.setattr(cc.model.CellClassifierMLP, "train", stopped)
    before = sorted(folder.iterdir())
    arguments = ["train", folder / "reference.h5ad", *KEYS, *short, "--out", folder / "x"]
    assert "Stopped" in run(*arguments, code=1).stderr
    assert sorted(folder.iterdir()) == before


def test_a_stopped_training_goes_on(run, run_json, folder, short, monkeypatch):
    from cellclass.train import KeepCheckpoint

    def stops(self, trainer, plan):
        real(self, trainer, plan)
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    real = KeepCheckpoint.on_train_epoch_start
    arguments = ["train", folder / "reference.h5ad", *KEYS, *short, "--accelerator", "cpu"]
    run(*arguments, "--out", folder / "whole")
    arguments += ["--checkpoint-dir", folder / "checkpoints", "--out", folder / "cut"]
    with monkeypatch.context() as patch:
        patch.setattr(KeepCheckpoint, "on_train_epoch_start", stops)
        assert "same command with --resume goes on" in run(*arguments, code=1).stderr
    assert "Go on with --resume" in run(*arguments, code=1).stderr
    run_json(*arguments, "--resume")
    made = [(folder / name / "model.safetensors").read_bytes() for name in ("cut", "whole")]
    assert made[0] == made[1]
    done = run(*arguments[:-4], "--resume", "--out", folder / "x", code=1)
    assert "in which folder it is, --checkpoint-dir" in done.stderr


def test_a_device_that_is_not_there(run, folder):
    options = [*KEYS, "--n-top-genes", "20", "--validation-size", "0.2", "--out", folder / "x"]
    done = run("train", folder / "reference.h5ad", *options, "--accelerator", "mps", code=1)
    assert "mps" in done.stderr.lower()


def test_progress_is_that_of_the_trainer(folder):
    reference = ad.read_h5ad(folder / "reference.h5ad")
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, **SETTINGS)
    assert _train._how_far(model) is None
    model.train(**FIT)
    assert _train._how_far(model) == (2, 2)
