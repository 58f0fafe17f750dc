"""Test a class of models on cells that it was not trained on, fold by fold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key
from cellclass.metrics import classification_report_df
from cellclass.metrics._paired_difference import paired_difference
from cellclass.pp import normalize_scale
from cellclass.tl._cross_validation import CrossValidation
from cellclass.tl._folds import Folds, check_n_folds, folds_over_cells, folds_over_groups, groups_of
from cellclass.tl._fresh_model import check_task, fresh_model, part_of
from cellclass.tl._out_of_fold import OutOfFold
from cellclass.train import fit_logistic_regression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

_BASELINE = "logistic regression"
# With fewer groups than this, resampling them says next to nothing.
_FEW_GROUPS = 5
_N_RESAMPLES = 2000


def cross_validate(
    adata: AnnData,
    model_cls: Any,  # noqa: ANN401 - any class of models
    labels_key: str,
    *,
    groups_key: str | None = None,
    batch_key: str | None = None,
    n_folds: int = 5,
    baseline: Literal["model_genes", "all_genes"] | None = "model_genes",
    layer: str | None = None,
    previous_layer: str | None = None,
    unlabeled_category: str | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    train_kwargs: Mapping[str, Any] | None = None,
    rng: int | np.random.Generator = 0,
) -> CrossValidation:
    """Test a class of models on cells that it was not trained on, beside a logistic regression.

    For each fold a fresh model is made and trained on a copy of the other cells: genes are ranked,
    scaled and chosen, and probabilities calibrated, on training cells alone. With `groups_key`, or
    with `batch_key`, whole groups are held out, so that the scores say what to expect of a new
    donor or batch; without, each label is shared out over the folds, and the scores say what to
    expect of more cells of the same samples, which is better than a new sample will do. A logistic
    regression, with strength and scaling tuned inside each fold, answers the same cells.

    A fold has fewer cells than the whole: where that makes the difference between one network and
    five (below 3,000 cells, see :class:`cellclass.model.CellClassifierMLP`), ask for one with
    `model_kwargs={"validation_size": 0.1}`.

    Parameters
    ----------
    adata
        Labelled cells `(n_obs, n_vars)`, on any scale that the model takes. It is not changed.
    model_cls
        Class of models, such as :class:`cellclass.model.CellClassifierMLP`.
    labels_key
        Column of `.obs` with the labels.
    groups_key
        Column of `.obs` with the groups to keep together, donors for one. By default `batch_key`.
        Batches may cross groups or stand inside them; only groups are kept together then, and
        `notes` says so where a batch is on both sides.
    batch_key
        Column of `.obs` with the technical batch, which the models are told.
    n_folds
        Number of folds; with fewer groups than that, each group is held out once.
    baseline
        What the logistic regression reads: the genes of the fold's model, all genes (sparse;
        slower), or `None` for no baseline.
    layer
        Layer with the expression; `None` for `X`.
    previous_layer
        Layer with an earlier time point of each cell, for a class that reads one.
    unlabeled_category
        Label that means "no label given"; its cells are left out.
    model_kwargs, train_kwargs
        For the model and its `train`.
    rng
        Seed of folds, baseline and bootstrap, or generator, which is advanced. The models have
        their own: `model_kwargs={"seed": 1}`.

    Returns
    -------
    Scores by fold and by label, out-of-fold answers and the difference to the baseline with its
    interval; `print` it for a summary in words.

    Raises
    ------
    KeyError
        A column or layer does not exist.
    ValueError
        `n_folds` is out of range, there is a single group, or a cell has none.
    LabelError
        A cell has no label, or a fold leaves a single label to train on.
    GeneError
        Gene names are duplicated.

    Warns
    -----
    UserWarning
        A label has fewer cells than there are folds.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(300, n_batches=3)
    >>> found = cc.tl.cross_validate(
    ...     adata,
    ...     cc.model.CellClassifierMLP,
    ...     "cell_type",
    ...     groups_key="batch",
    ...     n_folds=3,
    ...     model_kwargs={"validation_size": 0.2},
    ...     train_kwargs={"max_epochs": 3},
    ... )
    >>> found.predictions.shape
    (300, 7)
    """
    codes, labels = check_task(adata, model_cls, labels_key, unlabeled_category)
    check_n_folds(n_folds)
    if baseline not in ("model_genes", "all_genes", None):
        raise ValueError(
            f"baseline={baseline!r}; 'model_genes', 'all_genes' and None are what there is."
        )
    if batch_key is not None:
        check_obs_key(adata, batch_key, "batch_key")
    generator = np.random.default_rng(rng)
    key, groups = groups_key or batch_key, None
    if key is None:
        folds = folds_over_cells(codes, labels, n_folds=n_folds, rng=generator)
    else:
        groups = groups_of(adata, key, "groups_key" if groups_key else "batch_key")
        folds = folds_over_groups(codes, labels, groups, n_folds=n_folds, rng=generator)
        folds = folds.noting_shared(adata.obs, key, batch_key)
    logged = None
    if baseline == "all_genes":
        everything = part_of(adata, np.arange(adata.n_obs), layer=layer, keys=())
        logged = normalize_scale(everything, copy=True).X  # type: ignore[union-attr]
    seed = int(generator.integers(2**31))
    truth = np.array([*labels, ""], dtype=object)[codes].astype(str)
    ours = OutOfFold(model_cls.__name__, truth, labels)
    theirs = None if baseline is None else OutOfFold(_BASELINE, truth, labels)
    for number, (train, test) in enumerate(folds):
        keys = (labels_key, batch_key)
        parts = [
            part_of(adata, rows, layer=layer, keys=keys, previous_layer=previous_layer)
            for rows in (train, test)
        ]
        scored = np.isin(codes[test], codes[train])
        start = time.perf_counter()
        with fresh_model(
            model_cls,
            parts[0],
            labels_key=labels_key,
            batch_key=batch_key,
            model_kwargs=model_kwargs or {},
            train_kwargs=train_kwargs or {},
            previous_layer=previous_layer,
        ) as model:
            seconds = time.perf_counter() - start
            found = model.score_cells(parts[1])
            ours.add(
                number,
                test,
                found.probability,
                found.labels,
                scored=scored,
                seconds=seconds,
                empty=found.empty,
            )
            if theirs is None:
                continue
            inputs = [model.contract.bind(part).read(slice(None)) for part in parts]
        if logged is not None:
            inputs = [logged[train], logged[test]]
        start = time.perf_counter()
        inner = None if groups is None else groups[train]
        fitted = fit_logistic_regression(inputs[0], truth[train], groups=inner, seed=seed)
        seconds = time.perf_counter() - start
        probability = fitted.predict_proba(inputs[1])
        theirs.add(number, test, probability, fitted.classes_, scored=scored, seconds=seconds)
    return _result(
        adata,
        folds,
        (ours, theirs),
        {
            "labels_key": labels_key,
            "groups": key,
            "n_folds": folds.n_folds,
            "model": ours.classifier,
            "baseline": None if theirs is None else theirs.classifier,
            "baseline_input": baseline,
            "model_kwargs": dict(model_kwargs or {}),
            "train_kwargs": dict(train_kwargs or {}),
        },
        groups,
        generator,
    )


def _result(
    adata: AnnData,
    folds: Folds,
    answers: tuple[OutOfFold, OutOfFold | None],
    params: dict[str, Any],
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> CrossValidation:
    """Put the answers of all folds together."""
    ours, theirs = answers
    tested = folds.fold >= 0
    rows = pd.DataFrame([row for one in answers if one is not None for row in one.rows])
    scored = np.zeros(len(tested), dtype=bool)
    for train, test in folds:
        scored[test] = np.isin(ours.truth[test], ours.truth[train])
    predictions = pd.DataFrame(
        {
            "fold": pd.Series(folds.fold, dtype="Int64").where(tested).array,
            "truth": pd.Series(ours.truth, dtype=object).where(tested, None).array,
            "predicted": ours.predicted,
            "confidence": ours.confidence,
            "scored": scored,
        },
        index=adata.obs_names,
    )
    report = _report(ours, scored)
    difference = None
    if theirs is not None:
        predictions["baseline"] = theirs.predicted
        predictions["baseline_confidence"] = theirs.confidence
        scores = _report(theirs, scored).drop(columns="support")
        report = report.join(scores.add_prefix("baseline_"))
        whole = groups is not None and len(np.unique(groups[scored])) >= _FEW_GROUPS
        units = f"whole groups of {params['groups']!r}" if whole else "cells within folds"
        if groups is not None and not whole:
            units += f", as there are fewer than {_FEW_GROUPS} groups: a new group may differ more"
        params = params | {"resampled": units, "n_resamples": _N_RESAMPLES}
        difference = paired_difference(
            ours.truth[scored],
            ours.predicted[scored],
            theirs.predicted[scored],
            folds=folds.fold[scored],
            groups=groups[scored] if groups is not None and whole else None,
            n_resamples=_N_RESAMPLES,
            rng=rng,
        )
    return CrossValidation(
        scores=rows.set_index(["fold", "classifier"]).sort_index(),
        labels=report,
        predictions=predictions,
        probability=ours.probability_df(adata.obs_names),
        baseline_probability=None if theirs is None else theirs.probability_df(adata.obs_names),
        difference=difference,
        params=params,
        notes=folds.notes,
    )


def _report(answers: OutOfFold, scored: np.ndarray) -> pd.DataFrame:
    return classification_report_df(answers.truth[scored], answers.predicted[scored])
