"""Pre-training learns without labels, can be interrupted, and is carried to other references."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from lightning.pytorch import Callback

import cellclass as cc
from cellclass.errors import ModelFileError, NotTrainedError

Performer = cc.model.CellPerformer
QUIET = {"enable_progress_bar": False}


@pytest.fixture
def counts():
    """300 cells whose 40 genes stand at levels that only the cell's kind tells."""
    rng = np.random.default_rng(0)
    levels = np.array([1.0, 8.0, 60.0])[rng.integers(3, size=(4, 40))]
    kinds = np.arange(300) % 4
    X = rng.poisson(levels[kinds]).astype(np.float32)
    return ad.AnnData(
        sp.csr_matrix(X),
        obs=pd.DataFrame(
            {"label": [f"kind {k}" for k in kinds]}, index=[f"c{i}" for i in range(300)]
        ),
        var=pd.DataFrame(index=[f"Gene{j}" for j in range(40)]),
    )


def made(adata, **kwargs):
    Performer.setup_anndata(adata, labels_key="label")
    return Performer(adata, **kwargs)


def pretrained(adata, epochs=2, *, how=None, **kwargs):
    model = made(adata, **kwargs)
    model.pretrain(max_epochs=epochs, batch_size=32, **QUIET, **(how or {}))
    return model


def weights(model):
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def changed(before, model):
    after = weights(model)
    return {name for name in after if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("encoding", ["value", "bins", "quantile"])
def test_it_learns_what_the_baselines_cannot_know(counts, encoding):
    model = pretrained(counts, 40, encoding=encoding, n_bins=8, how={"lr": 5e-3})
    about = model.card["pretraining"]
    known = [about[f"accuracy_{name}"] for name in ("majority", "gene_majority", "gene_mean")]
    assert about["accuracy_model"] > max(known) + 0.1


def test_ranks_tell_genes(counts):
    model = pretrained(counts, 30, encoding="rank", n_tokens=15, how={"lr": 5e-3})
    about = model.card["pretraining"]
    assert about["accuracy_model"] > about["accuracy_majority"] + 0.03
    assert "accuracy_gene_majority" not in about


def test_the_masked_loss_falls(counts):
    history = pretrained(counts, 12).pretraining_history
    assert history.index.tolist() == list(range(12))
    assert history.index.name == "epoch"
    assert history.notna().all(axis=None)
    for name in ("pretrain_loss", "pretrain_validation_loss"):
        assert history[name].iloc[-1] < history[name].iloc[0]


def test_what_is_kept_of_it(counts, capsys):
    model = made(counts)
    assert model.pretraining_history.empty
    model.pretrain(counts, max_epochs=1, mask_prob=0.3, enable_progress_bar=None)
    about = model.card["pretraining"]
    assert about["n_cells"] + about["n_held_out_cells"] == 300
    assert about["n_held_out_cells"] == 30
    assert about["mask_prob"] == 0.3
    assert 0 < about["accuracy_gene_mean"] < 1
    line = capsys.readouterr().out
    assert f"Masked tokens told: {about['accuracy_model']:.3f} (most common" in line
    assert "on 30 cells that were kept aside from 270" in line


def test_nothing_is_printed_without_a_progress_bar(counts, capsys):
    pretrained(counts, 1)
    assert capsys.readouterr().out == ""


def test_the_card_keeps_it_after_training(counts):
    model = pretrained(counts, 1)
    about = model.card["pretraining"]
    model.train(max_epochs=1, **QUIET)
    assert model.card["pretraining"] == about
    assert "validation" in model.card


def test_same_seed_same_bits(counts):
    torch.manual_seed(1)
    one = weights(pretrained(counts))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert_same(one, weights(pretrained(counts.copy())))
    assert torch.equal(torch.get_rng_state(), state)


def test_labels_are_never_seen(counts):
    """The same model learns the same from cells with other labels, and with none."""
    other = counts.copy()
    other.obs["label"] = np.roll(other.obs["label"], 1)
    nameless = ad.AnnData(counts.X, var=counts.var)
    found = []
    for cells in (counts, other, nameless):
        model = made(counts.copy())
        model.pretrain(cells, max_epochs=1, **QUIET)
        found.append(weights(model))
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def test_validation_cells_are_never_seen(counts):
    one = pretrained(counts)
    other = counts.copy()
    X = other.X.toarray()
    held_out = one._reference.cells[one._reference.validation]
    X[held_out] = np.random.default_rng(0).permuted(X[held_out], axis=1)
    other.X = sp.csr_matrix(X)
    assert_same(weights(one), weights(pretrained(other)))


def test_cells_without_a_label_are_learned_from(counts):
    counts.obs["label"] = np.where(np.arange(300) < 100, counts.obs["label"], "unknown")
    Performer.setup_anndata(counts, labels_key="label", unlabeled_category="unknown")
    model = Performer(counts)
    model.pretrain(max_epochs=1, **QUIET)
    about = model.card["pretraining"]
    n_validation = len(model._reference.validation)
    assert about["n_cells"] + about["n_held_out_cells"] == 300 - n_validation


def test_the_heads_and_shallow_paths_stay(counts):
    before = weights(made(counts))
    names = changed(before, pretrained(counts))
    assert names
    assert all(name.startswith(("tokens.", "encoder.")) for name in names)


class Stop(Callback):
    """Interrupt a training as a killed process does: in the middle of an epoch."""

    def on_train_batch_start(self, trainer, *_):
        if trainer.current_epoch == 3:
            raise RuntimeError("killed")


@pytest.mark.parametrize("attention", ["softmax", "favor"])
def test_an_interrupted_training_goes_on(counts, tmp_path, attention):
    given = {"attention": attention, "redraw_every": 2}
    whole = pretrained(counts, 5, how={"checkpoint_dir": tmp_path / "whole"}, **given)
    how = {"checkpoint_dir": tmp_path / "cut"}
    with pytest.raises(RuntimeError, match="killed"):
        pretrained(counts, 5, how=how | {"callbacks": [Stop()]}, **given)
    again = pretrained(counts, 5, how=how, **given)
    assert_same(weights(whole), weights(again))
    assert again.card["pretraining"] == whole.card["pretraining"]
    pd.testing.assert_frame_equal(again.pretraining_history, whole.pretraining_history)
    assert_same(weights(whole), weights(pretrained(counts, 5, **given)))


def test_a_finished_training_is_not_repeated(counts, tmp_path):
    how = {"checkpoint_dir": tmp_path}
    first = pretrained(counts, how=how)
    stamp = (tmp_path / "pre-training.safetensors").stat().st_mtime_ns
    assert_same(weights(first), weights(pretrained(counts, how=how)))
    assert (tmp_path / "pre-training.safetensors").stat().st_mtime_ns == stamp
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["pre-training.safetensors"]


@pytest.mark.parametrize(
    ("epochs", "how", "kwargs"),
    [
        (3, {}, {}),
        (2, {"mask_prob": 0.2}, {}),
        (2, {"lr": 1e-4}, {}),
        (2, {"precision": "bf16-mixed"}, {}),
        (2, {}, {"seed": 1}),
        (2, {}, {"attention": "favor"}),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(counts, tmp_path, epochs, how, kwargs):
    pretrained(counts, how={"checkpoint_dir": tmp_path})
    with pytest.raises(ValueError, match=r"another pre-training.*another checkpoint_dir"):
        pretrained(counts, epochs, how={"checkpoint_dir": tmp_path, **how}, **kwargs)


def test_a_checkpoint_of_other_cells_is_refused(counts, tmp_path):
    model, how = made(counts), {"checkpoint_dir": tmp_path, "max_epochs": 1, **QUIET}
    model.pretrain(counts, **how)
    other = counts[::-1].copy()
    with pytest.raises(ValueError, match="another pre-training: the tokens differ"):
        model.pretrain(other, **how)


def test_a_checkpoint_with_other_vectors_is_refused(counts, tmp_path):
    drawn = np.random.default_rng(0).normal(size=(counts.n_vars, 4))
    vectors = pd.DataFrame(drawn, index=counts.var_names)
    how = {"checkpoint_dir": tmp_path}
    pretrained(counts, 1, how=how, gene_embedding=vectors)
    with pytest.raises(ValueError, match="another pre-training"):
        pretrained(counts, 1, how=how, gene_embedding=-vectors)


def test_baselines_in_parts_as_whole(counts, monkeypatch):
    whole = pretrained(counts, 1).card["pretraining"]
    monkeypatch.setattr("cellclass.model._pretraining._AT_ONCE", 7)
    assert pretrained(counts, 1).card["pretraining"] == whole


def test_tokens_on_disk(counts, tmp_path):
    mapped = pretrained(counts, how={"tokens_dir": tmp_path / "tokens"})
    assert_same(weights(pretrained(counts)), weights(mapped))
    n_tokens = mapped.card["pretraining"]["n_tokens"]
    assert sum(path.stat().st_size for path in (tmp_path / "tokens").iterdir()) > 8 * n_tokens


def test_save_before_training(counts, tmp_path):
    model = pretrained(counts, 2)
    model.save(tmp_path / "m")
    again = Performer.load(tmp_path / "m")
    assert not again.is_trained
    assert again.card == model.card
    assert_same(weights(model), weights(again))
    for one in (model, again):
        with pytest.raises(NotTrainedError, match=r"model.train\(\)"):
            one.predict(counts)
    with pytest.raises(ValueError, match=r"pass them, model.pretrain\(adata\)"):
        again.pretrain(**QUIET)
    again.pretrain(counts, max_epochs=1, **QUIET)
    assert changed(weights(model), again)


def test_a_model_that_learned_nothing_is_not_saved(counts, tmp_path):
    with pytest.raises(NotTrainedError):
        made(counts).save(tmp_path / "m")


def test_training_begins_where_it_ended(counts):
    model = pretrained(counts)
    before = weights(model)
    plan = {"lr": 1e-9, "weight_decay": 0.0}
    model.train(max_epochs=1, plan_kwargs=plan, early_stopping=False, **QUIET)
    for name, tensor in weights(model).items():
        if name.startswith(("tokens.", "encoder.")) and tensor.is_floating_point():
            is_drawn = name.endswith("features")
            assert is_drawn or torch.allclose(tensor, before[name], atol=1e-6), name


@pytest.mark.parametrize("encoding", ["value", "rank"])
def test_random_tokens_instead_of_hidden_ones(counts, encoding):
    how = {"replace_prob": 0.5, "random_token_prob": 0.5}
    model = pretrained(counts, 1, how=how, encoding=encoding)
    assert np.isfinite(model.pretraining_history.to_numpy()).all()


def test_half_precision(counts):
    model = pretrained(counts, 1, how={"precision": "bf16-mixed"})
    assert np.isfinite(model.pretraining_history.to_numpy()).all()


def test_empty_cells_are_left_out(counts):
    X = counts.X.toarray()
    X[:50] = 0
    counts.X = sp.csr_matrix(X)
    model = made(counts[60:].copy())
    model.pretrain(counts, max_epochs=1, **QUIET)
    about = model.card["pretraining"]
    assert about["n_cells"] + about["n_held_out_cells"] == 250


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"mask_prob": 0}, "mask_prob=0: there is nothing to tell. scBERT takes 0.15"),
        ({"mask_prob": 1.5}, "mask_prob=1.5; a share from 0 to 1"),
        ({"replace_prob": -1}, "replace_prob=-1; a share"),
        ({"random_token_prob": 2}, "random_token_prob=2; a share"),
        ({"batch_size": 0}, "batch_size=0; a whole number from 1 on"),
        ({"batch_size": 1.5}, "batch_size=1.5; a whole number"),
        ({"max_epochs": 0}, "max_epochs=0; a whole number from 1 on"),
        ({"max_epochs": 1.5}, "max_epochs=1.5; a whole number"),
    ],
)
def test_bad_arguments(counts, kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(counts).pretrain(**kwargs, **QUIET)


def test_too_few_cells(counts):
    model = made(counts)
    with pytest.raises(ValueError, match=r"4 cells with expressed genes are too few.*more cells"):
        model.pretrain(counts[:4].copy(), **QUIET)


def test_scaled_cells_are_refused(counts):
    model = made(counts)
    counts.X = np.random.default_rng(0).normal(size=counts.shape)
    with pytest.raises(cc.errors.ScaleError):
        model.pretrain(counts, **QUIET)


def test_a_trained_model_is_trained_no_more(counts, tmp_path):
    model = pretrained(counts)
    model.train(max_epochs=2, **QUIET)
    model.pretrain(max_epochs=1, **QUIET)
    assert not model.is_trained
    assert set(model.card) == {"pretraining"}
    assert model._trust.novelty is None
    assert model.module.path_weights.tolist() == [1.0, 0.0, 0.0]
    assert model.get_latent_representation().shape == (counts.n_obs, 64)
    with pytest.raises(cc.errors.NotTrainedError, match="pre-trained, but knows no labels"):
        model.predict(counts)
    model.train(max_epochs=2, **QUIET)
    model.save(tmp_path / "model")
    loaded = Performer.load(tmp_path / "model")
    with pytest.raises(ValueError, match="from_pretrained"):
        loaded.pretrain(counts, **QUIET)


def test_one_time_point_is_enough(counts):
    both = counts.copy()
    both.layers["before"] = both.X.copy()
    Performer.setup_anndata(both, labels_key="label", previous_layer="before")
    model = Performer(both)
    model.pretrain(counts, max_epochs=1, **QUIET)
    assert model.card["pretraining"]["n_tokens"] > 0


def test_a_damaged_checkpoint_is_named(counts, tmp_path):
    pretrained(counts, how={"checkpoint_dir": tmp_path})
    file = tmp_path / "pre-training.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileError, match=r"pre-training\.safetensors was damaged.*begin anew"):
        pretrained(counts, how={"checkpoint_dir": tmp_path})
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    file.write_bytes(flipped)
    with pytest.raises(ModelFileError, match="sha256 differs"):
        pretrained(counts, how={"checkpoint_dir": tmp_path})


def test_lightnings_own_settings(counts):
    pretrained(counts, how={"check_val_every_n_epoch": 1, "enable_model_summary": False})
    with pytest.raises(ValueError, match="bf16-mixed"):
        pretrained(counts, how={"precision": "bf16-true"})
    with pytest.raises(ValueError, match="Give a larger one"):
        pretrained(counts, how={"mask_prob": 1e-7})
