"""Settings are drawn from what there is, and become arguments."""

import pytest
from scipy.stats import loguniform

import cellclass as cc
from cellclass.tl._search_space import as_arguments, draw_settings, search_space

MLP = cc.model.CellClassifierMLP


def test_default_covers_the_published_grid_and_more():
    space = search_space(None, MLP, {})
    assert {"n_top_genes", "n_hidden", "activation", "dropout", "lr", "weight_decay"} == set(space)
    assert (2048, 512) in space["n_hidden"]
    assert 0.8 in space["dropout"]
    published = search_space(None, MLP, {"preset": "published"})
    assert "l2" in published
    assert "weight_decay" not in published
    assert "dropout" not in search_space(None, MLP, {"dropout": 0.1})


def test_default_for_a_class_with_fewer_arguments():
    class Other:
        def __init__(self, adata=None, *, n_top_genes=10):
            pass

    assert set(search_space(None, Other, {})) == {"n_top_genes", "lr", "weight_decay"}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"dropuot": [0.1]}, r"names 'dropuot'.*'dropout'"),
        ({"max_epochs": [3]}, "names 'max_epochs'"),
        ({"adata": [None]}, "names 'adata'"),
        ({"lr": 1e-3}, r"search_space\['lr'\] is 0.001; a list of values"),
        ({"lr": []}, r"a list of values is needed"),
        ({}, "search_space is empty"),
    ],
)
def test_refusals(space, message):
    with pytest.raises(ValueError, match=message):
        search_space(space, MLP, {})


def test_no_setting_is_drawn_twice():
    space = search_space({"n_hidden": [(8,), (16, 16)], "dropout": (0.1, 0.2)}, MLP, {})
    drawn = draw_settings(space, 50, seed=0)
    assert len(drawn) == 4
    assert len({repr(one) for one in drawn}) == 4
    assert {one["n_hidden"] for one in drawn} == {(8,), (16, 16)}


def test_draws_depend_on_the_seed_alone():
    space = search_space(None, MLP, {})
    assert draw_settings(space, 5, seed=1) == draw_settings(space, 5, seed=1)
    assert draw_settings(space, 5, seed=1) != draw_settings(space, 5, seed=2)
    for one in draw_settings({"lr": loguniform(1e-4, 1e-2)}, 20, seed=0):
        assert type(one["lr"]) is float
        assert 1e-4 <= one["lr"] <= 1e-2


def test_settings_become_arguments():
    model, train = as_arguments(
        {"n_hidden": (8,), "lr": 0.1},
        MLP,
        {"seed": 3},
        {"max_epochs": 4, "plan_kwargs": {"lr": 1, "l2": 2}},
    )
    assert model == {"seed": 3, "n_hidden": (8,)}
    assert train == {"max_epochs": 4, "plan_kwargs": {"lr": 0.1, "l2": 2}}
    assert as_arguments({}, MLP, {}, {}) == ({}, {})
