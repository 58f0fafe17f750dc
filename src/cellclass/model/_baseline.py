"""A model beside the tuned logistic regression, on its own validation cells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._keys import BASELINE, LOGISTIC_REGRESSION, TRAINING_PRIOR
from cellclass.metrics import classification_scores
from cellclass.train import class_weights, fit_logistic_regression, prior_of_training

if TYPE_CHECKING:
    from cellclass.model._base import CellClassifier
    from cellclass.model._reference import Reference
    from cellclass.train import Recipe

_SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
# Two-sided 95% of a normal distribution.
_MARGIN = 1.96


def check_can_compare(reference: Reference, *, compare_baseline: bool) -> None:
    """Refuse a comparison without validation cells, before the training."""
    if compare_baseline and len(reference.validation) == 0:
        raise ValueError(
            "compare_baseline=True needs validation cells to compare on, and the model was made "
            "with none. Make it with validation_size=0.1, or compare with cc.tl.cross_validate."
        )


def card_of_training(
    model: CellClassifier, reference: Reference, recipe: Recipe, *, compare_baseline: bool
) -> dict[str, Any]:
    """Return what a training adds to the card.

    That is `training_prior`, the shares of the labels as the fit saw them, in their order; and with
    `compare_baseline`, `baseline`.
    """
    codes = reference.codes[reference.train]
    weights = class_weights(recipe.class_weights, codes, model.labels)
    prior = prior_of_training(
        weights, codes, len(model.labels), balanced_sampling=recipe.balanced_sampling
    )
    weighted = weights is not None or recipe.balanced_sampling
    if weighted and getattr(model._networks[0], "linear", None) is not None:  # noqa: SLF001
        prior = _stated_prior(model, reference)
    card: dict[str, Any] = {TRAINING_PRIOR: prior.tolist()}
    if compare_baseline:
        card[BASELINE] = _compare(model, reference, seed=model._seed)  # noqa: SLF001
    return card


def _held_out_logits(model: CellClassifier, reference: Reference) -> np.ndarray:
    """Logits of the `judged` cells, each by the network that was not trained on it."""
    judged = reference.judged
    logits = np.zeros((len(judged), len(model.labels)), dtype=np.float32)
    for part, network in enumerate(model._networks):  # noqa: SLF001
        rows = reference.held_out(part)
        found = model._forward(reference.read(rows, part), network)[1]  # noqa: SLF001
        logits[np.searchsorted(judged, rows)] = found
    return logits


def _stated_prior(model: CellClassifier, reference: Reference) -> np.ndarray:
    """Mean probabilities of validation cells: weights reached one of several paths only."""
    validation = reference.validation
    if len(validation) == 0:
        codes = reference.codes[reference.train]
        return np.bincount(codes, minlength=len(model.labels)) / len(codes)
    logits = _held_out_logits(model, reference)
    return model._trust.probability(logits).mean(axis=0)  # noqa: SLF001


def _compare(model: CellClassifier, reference: Reference, *, seed: int) -> dict[str, Any]:
    """Fit the baseline to the training cells and compare on the validation cells."""
    start = time.perf_counter()
    theirs = np.zeros((reference.n_obs, len(model.labels)))
    settings = []
    for part in range(reference.n_parts):  # each cell by a baseline that has not seen it, too
        train, held_out = reference.examples(part), reference.held_out(part)
        fitted = fit_logistic_regression(
            reference.read(train, part), reference.codes[train], seed=seed
        )
        if len(held_out):
            answers = fitted.predict_proba(reference.read(held_out, part))
            theirs[np.ix_(held_out, fitted.classes_)] = answers
        settings.append((float(fitted[-1].C), bool(fitted[0].with_std)))
    seconds = time.perf_counter() - start
    C, scaled = max(settings, key=settings.count)
    codes, theirs = reference.codes[reference.judged], theirs[reference.judged]
    ours = model._trust.probability(_held_out_logits(model, reference))  # noqa: SLF001
    correct = [probability.argmax(axis=1) == codes for probability in (ours, theirs)]
    difference = correct[0].astype(float) - correct[1]
    spread = difference.std(ddof=1) if len(codes) > 1 else np.inf
    margin = _MARGIN * spread / np.sqrt(len(codes))
    mean = float(difference.mean())
    name = type(model).__name__
    winner = "neither" if abs(mean) <= margin else name if mean > 0 else "logistic regression"
    found = {
        "winner": winner,
        "difference_in_accuracy": mean,
        "lower": max(mean - margin, -1.0),
        "upper": min(mean + margin, 1.0),
        "n_obs": len(codes),
        "model": _scores(codes, ours, model.labels),
        LOGISTIC_REGRESSION: _scores(codes, theirs, model.labels)
        | {"C": C, "scaled": scaled, "seconds": seconds},
    }
    return found | {"summary": _in_words(name, found)}


def _scores(codes: np.ndarray, probability: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    names = np.asarray(labels)
    own = np.maximum(probability[np.arange(len(codes)), codes], np.finfo(np.float32).tiny)
    scores = classification_scores(names[codes], names[probability.argmax(axis=1)])
    scores["log_loss"] = float(-np.log(own).mean())
    return {name: scores[name] for name in _SCORES}


def _in_words(name: str, found: dict[str, Any]) -> str:
    """Say who won, and how little that may mean."""
    ours, theirs = found["model"], found[LOGISTIC_REGRESSION]
    verdict = {
        name: f"{name} is ahead",
        "logistic regression": "the logistic regression is ahead: prefer it, or tune the model",
        "neither": "neither is ahead",
    }[found["winner"]]
    return (
        f"On {found['n_obs']} validation cells, {name} has accuracy {ours['accuracy']:.3f} and "
        f"macro-F1 {ours['macro_f1']:.3f}; a tuned logistic regression on the same genes has "
        f"{theirs['accuracy']:.3f} and {theirs['macro_f1']:.3f}. Difference in accuracy "
        f"{found['difference_in_accuracy']:+.3f}, 95% interval {found['lower']:+.3f} to "
        f"{found['upper']:+.3f}: {verdict}. The model's training was stopped and calibrated on "
        "these cells, the baseline's was not: cc.tl.cross_validate is the fair test."
    )
