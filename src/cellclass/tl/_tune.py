"""Choose the settings of a model on cells held out of the training part."""

from __future__ import annotations

import importlib.util
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction, check_obs_key
from cellclass.pp._hold_out import hold_out
from cellclass.pp._split_groups import assign_groups
from cellclass.tl._folds import groups_of
from cellclass.tl._fresh_model import check_task, part_of
from cellclass.tl._search_space import as_arguments, draw_settings, search_space
from cellclass.tl._trial import Task
from cellclass.tl._trials_ray import trials_through_ray
from cellclass.tl._tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from anndata import AnnData

_FACTOR = 3  # of the settings, one in three goes on; it is then trained three times as long
_MOST_RUNGS = 3
_LOWER_IS_BETTER = {"log_loss": True, "accuracy": False, "macro_f1": False}


def tune(
    adata: AnnData,
    model_cls: Any,  # noqa: ANN401 - any class of models
    labels_key: str,
    *,
    search_space: Mapping[str, Any] | None = None,
    n_trials: int = 20,
    backend: Literal["auto", "local", "ray"] = "auto",
    metric: Literal["log_loss", "accuracy", "macro_f1"] = "log_loss",
    groups_key: str | None = None,
    batch_key: str | None = None,
    validation_size: float = 0.2,
    layer: str | None = None,
    previous_layer: str | None = None,
    unlabeled_category: str | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    train_kwargs: Mapping[str, Any] | None = None,
    resources_per_trial: Mapping[str, float] | None = None,
    rng: int | np.random.Generator = 0,
) -> Tuning:
    """Choose the settings of a model by random search with successive halving.

    A share of the cells, of each label or in whole groups, is held out; models are made and trained
    on the others, from the ranking of genes to the calibration, and judged on the held-out cells.
    All settings are first trained for a ninth of the epochs, the best third of them for a third,
    and the best third of those in full. The model as it is takes part to the end, so that a search
    that finds nothing says so. Pass training cells only: cells that are to test the result must
    have no part in choosing it. Where the held-out share takes the others below 3,000 cells, and so
    to five networks (see :class:`cellclass.model.CellClassifierMLP`), ask for one network with
    `model_kwargs={"validation_size": 0.1}`.

    Parameters
    ----------
    adata
        Labelled training cells `(n_obs, n_vars)`. It is not changed.
    model_cls
        Class of models, such as :class:`cellclass.model.CellClassifierMLP`.
    labels_key
        Column of `.obs` with the labels.
    search_space
        For each setting a list of values, or a distribution with `rvs`, such as
        ``scipy.stats.loguniform(1e-4, 1e-2)``. Settings are arguments of the model (`n_top_genes`,
        `n_hidden`, `dropout`, …) and fields of `cellclass.train.Recipe` (`lr`, `weight_decay`,
        `l2`, `batch_size`, `class_weights`, …). By default number of genes, widths, activation,
        dropout, learning rate and regularisation.
    n_trials
        Settings to try, the model as it is included.
    backend
        `"local"`: one after the other. `"ray"`: side by side through Ray Tune, on this machine or
        on the cluster that Ray is connected to. `"auto"`: Ray where it is installed. Both find the
        same.
    metric
        Score to choose by.
    groups_key
        Column of `.obs` with donors or batches: whole groups are held out. By default `batch_key`.
    batch_key
        Column of `.obs` with the technical batch, which the models are told.
    validation_size
        Share (0–1) of the cells to judge on.
    layer
        Layer with the expression; `None` for `X`.
    previous_layer
        Layer with an earlier time point of each cell, for a class that reads one.
    unlabeled_category
        Label that means "no label given"; its cells are left out.
    model_kwargs, train_kwargs
        Settings that are not searched.
    resources_per_trial
        For Ray, `{"cpu": 1}` by default; `{"cpu": 1, "gpu": 0.25}` puts four trials on a GPU.
    rng
        Seed of the split and of the settings, or generator, which is advanced.

    Returns
    -------
    The best settings as arguments, and a table of all trials; `print` it for a summary in words.

    Raises
    ------
    KeyError
        A column or layer does not exist.
    ValueError
        A setting is unknown or has no values, `n_trials` is below 2, or there is a single group.
    GeneError
        Gene names are duplicated.
    ImportError
        `backend="ray"` and Ray is not installed.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(300)
    >>> found = cc.tl.tune(
    ...     adata,
    ...     cc.model.CellClassifierMLP,
    ...     "cell_type",
    ...     search_space={"n_top_genes": [20, 200], "lr": [1e-3, 1e-2]},
    ...     n_trials=3,
    ...     backend="local",
    ...     model_kwargs={"validation_size": 0.2},
    ...     train_kwargs={"max_epochs": 3},
    ... )
    >>> sorted(found.best)
    ['model_kwargs', 'train_kwargs']
    """
    codes, labels = check_task(adata, model_cls, labels_key, unlabeled_category)
    check_fraction(validation_size, "validation_size")
    _check_choices(n_trials, backend, metric)
    if batch_key is not None:
        check_obs_key(adata, batch_key, "batch_key")
    given = dict(model_kwargs or {}), dict(train_kwargs or {})
    generator = np.random.default_rng(rng)
    space = _space(search_space, model_cls, given[0])
    drawn = draw_settings(space, n_trials - 1, seed=int(generator.integers(2**31)))
    key = groups_key or batch_key
    groups = None
    if key is not None:
        groups = groups_of(adata, key, "groups_key" if groups_key else "batch_key")
    train, held_out = _split(codes, groups, validation_size, len(labels), generator)
    task = Task(
        model_cls=model_cls,
        reference=part_of(
            adata,
            train,
            layer=layer,
            keys=(labels_key, batch_key),
            previous_layer=previous_layer,
        ),
        held_out=part_of(adata, held_out, layer=layer, keys=(), previous_layer=previous_layer),
        truth=np.asarray(labels)[codes[held_out]],
        labels_key=labels_key,
        batch_key=batch_key,
        model_kwargs=given[0],
        train_kwargs=given[1],
        previous_layer=previous_layer,
    )
    if backend == "auto":
        backend = "local" if importlib.util.find_spec("ray") is None else "ray"
    trials = trials_through_ray(task, resources_per_trial) if backend == "ray" else _here(task)
    settings: list[dict[str, Any]] = [{}, *drawn]
    with trials as run_all:
        table, best = _halve(settings, run_all, metric)
    for name in space:
        table[name] = pd.Series(
            [settings[number].get(name, "as it is") for number in table["trial"]], dtype=object
        )
    arguments = as_arguments(settings[best], model_cls, *given)
    return Tuning(
        best=dict(zip(("model_kwargs", "train_kwargs"), arguments, strict=True)),
        trials=table,
        settings=settings[best],
        params={
            "metric": metric,
            "backend": backend,
            "best_trial": best,
            "groups": key,
            "n_training": len(train),
            "n_held_out": len(held_out),
        },
    )


# In `tune` the name is that of an argument.
_space = search_space


def _check_choices(n_trials: int, backend: str, metric: str) -> None:
    if not isinstance(n_trials, (int, np.integer)) or n_trials < 2:
        raise ValueError(
            f"n_trials={n_trials!r}; a whole number from 2 on is needed: the model as it is, and "
            "something to compare it with."
        )
    if backend not in ("auto", "local", "ray"):
        raise ValueError(f"backend={backend!r}; there are 'auto', 'local' and 'ray'.")
    if metric not in _LOWER_IS_BETTER:
        raise ValueError(f"metric={metric!r}; there are {', '.join(map(repr, _LOWER_IS_BETTER))}.")


def _split(
    codes: np.ndarray,
    groups: np.ndarray | None,
    size: float,
    n_labels: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions to train on and to judge on; the second are of labels that the first have."""
    if groups is None:
        train, held_out = hold_out(codes, held_out=size, seed=rng)
    else:
        labelled = np.flatnonzero(codes >= 0)
        names, group = np.unique(groups[labelled], return_inverse=True)
        counts = np.zeros((len(names), n_labels), dtype=np.int64)
        np.add.at(counts, (group, codes[labelled]), 1)
        part = assign_groups(counts, np.array([1 - size, size]), n_labels=n_labels, rng=rng)[group]
        train, held_out = labelled[part == 0], labelled[part == 1]
        held_out = held_out[np.isin(codes[held_out], codes[train])]
    if len(held_out) == 0:
        raise ValueError(
            f"validation_size={size} leaves no cells to judge on whose labels are trained on. Ask "
            "for a larger share, or split over cells."
        )
    return train, held_out


@contextmanager
def _here(task: Task) -> Iterator[Callable[..., list[dict[str, float]]]]:
    """Give a function that runs all of some settings, one after the other."""

    def run_all(settings: Sequence[Mapping[str, Any]], share: float) -> list[dict[str, float]]:
        found = []
        for one in settings:
            try:
                found.append(task.run(one, share))
            except Exception as error:
                error.add_note(f"with the settings {dict(one)}")
                raise
        return found

    yield run_all


def _halve(
    settings: Sequence[Mapping[str, Any]],
    run_all: Callable[..., list[dict[str, float]]],
    metric: str,
) -> tuple[pd.DataFrame, int]:
    """Train all settings a little, the best of them longer; return all scores, and the best."""
    n_rungs = min(_MOST_RUNGS, 1 + int(math.log(len(settings), _FACTOR) + 1e-9))
    alive, rows = list(range(len(settings))), []
    for rung in range(n_rungs):
        share = _FACTOR ** -(n_rungs - 1 - rung)
        scores = run_all([settings[number] for number in alive], share)
        rows += [
            {"trial": number, "rung": rung, "share": share} | score
            for number, score in zip(alive, scores, strict=True)
        ]
        sign = 1 if _LOWER_IS_BETTER[metric] else -1
        order = sorted(
            range(len(alive)), key=lambda place: (sign * scores[place][metric], alive[place])
        )
        ranked = [alive[place] for place in order]
        alive = sorted({0, *ranked[: -(-len(ranked) // _FACTOR)]})
    return pd.DataFrame(rows), ranked[0]
