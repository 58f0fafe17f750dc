"""One training through scvi-tools' runner."""

import warnings

import pytest

import cellclass as cc


class NotedError(Exception):
    pass


def test_settings_reach_lightning(tiny, monkeypatch):
    from cellclass.model import _fit

    seen = {}

    def runner(model, **kwargs):
        seen.update(kwargs)
        raise NotedError

    monkeypatch.setattr(_fit, "TrainRunner", runner)
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    model = cc.model.CellClassifierMLP(tiny)
    with pytest.raises(NotedError):
        model.train(max_epochs=100, accelerator="cpu", gradient_clip_val=0.5)
    assert seen["max_epochs"] == 100
    assert seen["check_val_every_n_epoch"] == 10
    assert seen["accelerator"] == "cpu"
    assert seen["gradient_clip_val"] == 0.5
    assert seen["enable_progress_bar"] in (True, False)
    assert [type(callback).__name__ for callback in seen["callbacks"]] == ["StopWhenWorse"]
    with pytest.raises(NotedError):
        model.train(max_epochs=3, early_stopping=False)
    assert seen["callbacks"] == []
    assert not model.is_trained


def test_who_watches_steps_gets_each_and_the_same_model(tiny):
    from lightning.pytorch import Callback

    class Count(Callback):
        n_steps = 0

        def on_train_batch_end(self, *_):
            self.n_steps += 1

    watcher, weights, histories = Count(), [], []
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    for callbacks in ([], [watcher]):
        model = cc.model.CellClassifierMLP(tiny)  # five networks
        model.train(max_epochs=3, batch_size=20, enable_progress_bar=False, callbacks=callbacks)
        weights.append(model.module.state_dict())
        histories.append(model.history)
    assert watcher.n_steps == 3 * 5
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        assert histories[0][name].equals(histories[1][name])


def test_a_normal_training_raises_no_warning(tiny, fit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(tiny, labels_key="label", layer=None).is_trained


def test_early_stopping_may_end_a_training(tiny, fit):
    model = fit(tiny, labels_key="label", layer=None, epochs=60, validation_size=0.4)
    epochs = len(model.history["train_loss"])
    assert 1 <= epochs <= 60
    assert model.history["validation_loss"].shape[0] <= epochs


@pytest.mark.parametrize(
    "settings",
    [{"class_weights": "balanced"}, {"class_weights": {"mono": 9}}, {"balanced_sampling": True}],
    ids=["balanced", "dict", "sampling"],
)
def test_weights_and_sampling_change_the_training(tiny, settings):
    tiny = tiny[~((tiny.obs["label"] == "mono") & (tiny.obs_names > "cell3"))].copy()
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    lean = []
    for plan_kwargs in ({}, settings):  # on the preset that has a deep path alone
        model = cc.model.CellClassifierMLP(tiny, preset="published", n_hidden=(16,), dropout=0.0)
        model.train(max_epochs=3, enable_progress_bar=False, plan_kwargs=plan_kwargs)
        lean.append(model.predict(tiny, soft=True)["mono"].mean())
    assert lean[1] > lean[0]


def test_weights_of_unknown_labels_are_refused_before_the_training(tiny):
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    model = cc.model.CellClassifierMLP(tiny)
    with pytest.raises(ValueError, match="names 'monocyte'"):
        model.train(max_epochs=1, plan_kwargs={"class_weights": {"monocyte": 2}})
    assert not model.is_trained
