"""The search halves, keeps to its seed and its cells, and says what it found."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.tl import _tune
from cellclass.tl._tune import _halve, _split

MLP = cc.model.CellClassifierMLP
GIVEN = {
    "search_space": {"n_top_genes": [5, 60], "lr": [1e-5, 1e-2]},
    "n_trials": 4,
    "model_kwargs": {"n_hidden": (16,)},
    "train_kwargs": {"max_epochs": 6},
}


@pytest.fixture(scope="module")
def cells():
    return cc.datasets.simulate_counts(200, n_batches=4, rng=0)


@pytest.fixture(scope="module")
def found(cells):
    return cc.tl.tune(cells, MLP, "cell_type", backend="local", **GIVEN)


def test_trials(found):
    trials = found.trials
    assert trials["rung"].tolist() == sorted(trials["rung"])
    assert trials.groupby("rung").size().tolist() in ([4, 2], [4, 3])
    assert trials.groupby("rung")["epochs"].first().tolist() == [2, 6]
    assert (trials[trials["trial"] == 0][["n_top_genes", "lr"]] == "as it is").all(axis=None)
    last = trials[trials["rung"] == 1]
    assert 0 in set(last["trial"])
    assert found.params["best_trial"] == last.loc[last["log_loss"].idxmin(), "trial"]
    for score in ("accuracy", "macro_f1", "expected_calibration_error"):
        assert trials[score].between(0, 1).all()


def test_best_is_ready_to_be_used(cells, found):
    model_kwargs, train_kwargs = found.best["model_kwargs"], found.best["train_kwargs"]
    assert model_kwargs["n_hidden"] == (16,)
    assert train_kwargs["max_epochs"] == 6
    for name, value in found.settings.items():
        where = model_kwargs if name == "n_top_genes" else train_kwargs["plan_kwargs"]
        assert where[name] == value
    result = cc.tl.cross_validate(cells, MLP, "cell_type", n_folds=2, baseline=None, **found.best)
    assert result.scores["n_obs"].sum() == 200


def test_summary(found):
    assert str(found) == found.summary
    plain = found.trials.query("trial == 0 and rung == 1")["log_loss"].item()
    assert f"{plain:.4f}" in found.summary
    assert ("test it on cells" in found.summary) == bool(found.settings)


def test_same_seed_same_search(cells, found, unchanged):
    with unchanged(cells):
        again = cc.tl.tune(cells, MLP, "cell_type", backend="local", **GIVEN)
    columns = [name for name in found.trials if name != "seconds"]
    pd.testing.assert_frame_equal(again.trials[columns], found.trials[columns])
    assert again.best == found.best


def test_groups_are_held_out_whole(cells, monkeypatch):
    seen = []
    monkeypatch.setattr(
        _tune, "_halve", lambda settings, run_all, metric: seen.append(len(settings)) or FAKE
    )
    codes = cells.obs["cell_type"].cat.codes.to_numpy(np.int64)
    groups = cells.obs["batch"].astype(str).to_numpy(dtype=str)
    train, held_out = _split(codes, groups, 0.25, codes.max() + 1, np.random.default_rng(0))
    assert not set(groups[train]) & set(groups[held_out])
    assert len(train) + len(held_out) == 200
    result = cc.tl.tune(cells, MLP, "cell_type", groups_key="batch", backend="local", n_trials=5)
    assert seen == [5]
    assert result.params["groups"] == "batch"
    assert result.settings == {}
    assert "None was better than the model as it is" in result.summary


FAKE = (
    pd.DataFrame(
        {"trial": [0], "rung": [0], "log_loss": [1.0], "accuracy": [0.5], "macro_f1": [0.5]}
    ),
    0,
)


def test_halving_trains_the_better_ones_longer():
    calls = []

    def run_all(settings, share):
        calls.append((len(settings), round(share, 3)))
        return [{"log_loss": abs(one.get("x", 5) - 3)} for one in settings]

    settings = [{}, *({"x": x} for x in range(8, 16)), {"x": 3}]
    table, best = _halve(settings, run_all, "log_loss")
    assert best == 9
    assert calls == [(10, 0.111), (4, 0.333), (2, 1.0)]
    assert table["trial"].value_counts()[0] == 3  # the model as it is stays to the end
    _, best = _halve(
        settings, lambda s, share: [{"accuracy": i} for i in range(len(s))], "accuracy"
    )
    assert best == 9


def test_a_failing_trial_names_its_settings(cells):
    with pytest.raises(ValueError, match="dropout") as caught:
        cc.tl.tune(
            cells,
            MLP,
            "cell_type",
            search_space={"dropout": [7.0]},
            n_trials=2,
            backend="local",
            train_kwargs={"max_epochs": 1},
        )
    assert "with the settings {'dropout': 7.0}" in caught.value.__notes__


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_trials": 1}, ValueError, "n_trials=1; a whole number from 2 on"),
        ({"backend": "dask"}, ValueError, "'auto', 'local' and 'ray'"),
        ({"metric": "f1"}, ValueError, "'log_loss', 'accuracy', 'macro_f1'"),
        ({"validation_size": 0}, ValueError, r"validation_size=0 is outside \(0, 1\)"),
        ({"validation_size": 1e-6, "rng": 1}, ValueError, "leaves no cells to judge on"),
        ({"groups_key": "one"}, ValueError, "has a single group"),
        ({"search_space": {"width": [3]}}, ValueError, "names 'width'"),
    ],
)
def test_refusals(cells, change, error, message):
    cells = cells.copy()
    cells.obs["one"] = "d1"
    with pytest.raises(error, match=message):
        cc.tl.tune(cells, MLP, "cell_type", **{"backend": "local"} | change)


def test_without_ray_its_backend_says_what_to_install(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError) as caught:
        cc.tl.tune(cells, MLP, "cell_type", backend="ray", n_trials=2)
    assert "pip install 'cellclass[tune]'" in caught.value.__notes__[0]


def test_without_ray_auto_is_local(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(_tune, "_halve", lambda *_: FAKE)
    found = cc.tl.tune(cells, MLP, "cell_type", n_trials=2)
    assert found.params["backend"] == "local"


@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed (cellclass[tune])"
)
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_finds_the_same(cells, found):
    through_ray = cc.tl.tune(cells, MLP, "cell_type", backend="ray", **GIVEN)
    columns = [name for name in found.trials if name not in ("seconds",)]
    pd.testing.assert_frame_equal(
        through_ray.trials[columns], found.trials[columns], check_exact=False, atol=1e-3
    )
    assert through_ray.best == found.best
    assert through_ray.params["backend"] == "ray"
