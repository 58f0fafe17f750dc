"""What a reader has to know before believing a number: failures first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cellclass._checks import listed
from cellclass._keys import BASELINE, PRIOR_CORRECTION, confidence_key, plain_vote_key
from cellclass._report._input_findings import of_input
from cellclass._report._labels import chance_of_calibration_error, label_recalls
from cellclass._report._words import count, percent, score
from cellclass.metrics._is_novel import NOVEL, is_novel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass._report._facts import Facts

#: Labels that fewer of their cells get than this are failures.
LOW_RECALL = 0.7
# Twice and ten times what there is by chance.
_SOME_NOVEL, _MOSTLY_NOVEL = 2 * NOVEL, 10 * NOVEL
_UNSURE, _MANY_UNSURE = 0.5, 0.1
_SOME_UNASSIGNED, _MANY_UNASSIGNED = 0.01, 0.2
_POOR_CALIBRATION, _BAD_CALIBRATION = 0.05, 0.1
# Accuracy may fall short of that of the validation cells by so much without being said.
_DROP = 0.05
_FEW_CELLS = 20
_MOSTLY_KNOWN = 0.5
_MOST_ITEMS = 8

Level = Literal["problem", "caution", "repaired", "unknown"]
_ORDER = ("problem", "caution", "repaired", "unknown")


class Finding(NamedTuple):
    """One thing to know, with how bad it is and where on the page more of it stands."""

    level: Level
    title: str
    text: str
    section: str
    labels: tuple[str, ...] = ()
    """The labels that it is about, the worst first."""


def find(facts: Facts) -> list[Finding]:
    """Return all that is to be said first, the worst first."""
    parts = (_of_input, _of_truth, _of_scores, _of_calibration, _of_cells, _of_model)
    found = [one for part in parts for one in part(facts)]
    return sorted(found, key=lambda finding: _ORDER.index(finding.level))


def _some(names: list[str]) -> tuple[str, ...]:
    """Keep the first names, and say how many more there are."""
    more = len(names) - _MOST_ITEMS
    return (*names[:_MOST_ITEMS], f"and {more:,} more") if more > 0 else tuple(names)


def _of_input(facts: Facts) -> Iterator[Finding]:
    yield from (Finding(*one) for one in of_input(facts))


def _of_truth(facts: Facts) -> Iterator[Finding]:
    if facts.scored is None or facts.labels_key is None:
        yield Finding(
            "unknown",
            "How many labels are right is not known",
            "No true labels were given, so there are no scores, no confusion table and no check of "
            "the confidence on this page. What can be said without them: how sure the model is, "
            "and which cells are unlike those that it has seen.",
            "labels",
        )
        yield from _of_columns(facts)
        return
    if facts.is_reference:
        yield Finding(
            "problem",
            "These are the cells that the model was made with",
            "Cells and genes have the names of the model's reference. The scores say how well the "
            "model remembers them, and nothing about new cells: those of its validation cells are "
            "in the model card.",
            "scores",
        )
    left_out = facts.adata.n_obs - facts.scored.n_obs
    if left_out:
        yield Finding(
            "unknown",
            f"{count(left_out, 'cell')} without a true label",
            f"They are not in the scores, which are of the other {facts.scored.n_obs:,}.",
            "scores",
        )
    truth = facts.scored.obs[facts.labels_key].astype(str)
    foreign = truth[~truth.isin(facts.labels)].value_counts()
    if len(foreign) == 0:
        return
    if foreign.sum() == len(truth):
        yield Finding(
            "problem",
            "None of the true labels is one of the model's",
            f"The model knows {listed(facts.labels, 4)}; the true labels are "
            f"{listed(list(foreign.index), 4)}. If these are two spellings of the same, bring them "
            "together with cc.pp.harmonize_labels; until then every score is 0 for the wrong "
            "reason.",
            "scores",
        )
        return
    yield Finding(
        "problem",
        f"{count(len(foreign), 'true label')} that the model does not know",
        f"They have {count(foreign.sum(), 'cell')}, {percent(foreign.sum() / len(truth))} of those "
        "with a true label. No answer for them can be right. Of the other cells, "
        f"{percent(facts.scores['accuracy_known'])} got their label.",
        "scores",
        _some([f"{name}: {count(n, 'cell')}" for name, n in foreign.items()]),
    )


def _of_columns(facts: Facts) -> Iterator[Finding]:
    """Name the first column of `obs`, but those of annotations, with mostly labels of the model."""
    obs = facts.adata.obs
    answers = [str(name) for name in obs if confidence_key(str(name)) in obs.columns]
    not_truth = {*answers, *map(plain_vote_key, answers)}
    for name, column in obs.items():
        if str(name) in not_truth or column.dtype.kind in "bf":
            continue
        values = column.dropna().astype(str)
        if len(values) and values.isin(facts.labels).mean() > _MOSTLY_KNOWN:
            yield Finding(
                "unknown",
                f"obs[{name!r}] may hold the true labels",
                "Its values are labels that the model knows. If they are the truth, and no other "
                f"prediction, have them scored: labels_key={name!r}, for the command --labels-key "
                f"{name}.",
                "labels",
            )
            return


def _of_scores(facts: Facts) -> Iterator[Finding]:
    if not facts.scores or not facts.scores["n_known"]:
        return
    low = [one for one in label_recalls(facts) if one.known and one.recall < LOW_RECALL]
    if low:
        names = [
            f"{one.label}: {one.n_right:,} of {one.n_cells:,}"
            + (f"; {one.n_taken:,} are called {one.taken_for}" if one.taken_for else "")
            for one in sorted(low, key=lambda one: one.recall)
        ]
        few = sum(one.n_cells < _FEW_CELLS for one in low)
        text = "Do not count on these labels, nor on those that their cells are called."
        if few:
            which = "one of them has" if few == 1 else f"{few} of them have"
            text += f" With fewer than {_FEW_CELLS} cells, as {which}, chance plays a part."
        whose = "its" if len(low) == 1 else "their"
        title = f"{count(len(low), 'label')} found in fewer than {LOW_RECALL:.0%} of {whose} cells"
        yield Finding("problem", title, text, "confusion", _some(names))
    validation = facts.card.get("validation", {}).get("accuracy", np.nan)
    accuracy = facts.scores["accuracy_known"]
    if not facts.is_reference and validation - accuracy > _DROP:
        yield Finding(
            "caution",
            f"Fewer right labels than on the model's own validation cells: {percent(accuracy)} "
            f"instead of {percent(validation)}",
            "The validation cells are of the reference. Another donor, protocol or condition, or "
            "labels drawn by other rules, can cost that much. Cells whose true label the model "
            "does not know are left aside here.",
            "scores",
        )


def _of_calibration(facts: Facts) -> Iterator[Finding]:
    if not facts.scores:
        return
    error = facts.scores["expected_calibration_error"]
    by_chance = chance_of_calibration_error(facts.table("reliability"))
    if not (error > _POOR_CALIBRATION and error > by_chance):
        return
    sure, right = facts.scores["mean_confidence"], facts.scores["accuracy_given"]
    way = "too sure" if sure > right else "not sure enough"
    yield Finding(
        "problem" if error > _BAD_CALIBRATION else "caution",
        f"The confidence is {way}: {percent(sure)} on average, where {percent(right)} are right",
        f"The calibration error is {score(error)}; a model whose confidence is right would stay "
        f"below {score(by_chance)} in 95 of 100 such samples. Read a confidence as an order of the "
        "cells, not as a probability.",
        "calibration",
    )


def _of_cells(facts: Facts) -> Iterator[Finding]:
    frame = facts.predictions
    without = float((~facts.assigned).mean())
    if without > 0:
        level: Level = "problem" if without > _MANY_UNASSIGNED else "caution"
        yield Finding(
            level if without > _SOME_UNASSIGNED else "repaired",
            f"{count((~facts.assigned).sum(), 'cell')} got no label ({percent(without)})",
            "They express hardly any of the reference's genes, or were refused as unlike the "
            "training cells.",
            "labels",
        )
    pvalue = frame["novelty_pvalue"]
    if pvalue.isna().all():
        yield Finding(
            "unknown",
            "Novel cells cannot be told",
            "The model had no validation cells, so there are no novelty p-values. A cell of a type "
            "that the reference lacks gets one of its labels all the same.",
            "novelty",
        )
        return
    novel = float(is_novel(pvalue.dropna()).mean())
    if novel > _SOME_NOVEL:
        by_label = is_novel(pvalue).groupby(frame["label"]).agg(["mean", "size"])
        most = by_label[(by_label["mean"] > _SOME_NOVEL) & (by_label["size"] >= _FEW_CELLS)]
        most = most.sort_values("mean", ascending=False)
        yield Finding(
            "problem" if novel > _MOSTLY_NOVEL else "caution",
            f"{percent(novel)} of the cells are unlike the reference",
            f"Their novelty p-value is {NOVEL:g} or less, where {NOVEL:.0%} are by chance. "
            "Another protocol or condition does this, and so do cell types that the reference "
            "lacks. " + ("Of the cells that got a label, so many are:" if len(most) else ""),
            "novelty",
            _some([f"{label}: {percent(row['mean'])}" for label, row in most.iterrows()]),
        )
    unsure = float((frame["confidence"][facts.assigned] < _UNSURE).mean())
    if unsure > _MANY_UNSURE:
        yield Finding(
            "caution",
            f"{percent(unsure)} of the labels have a confidence below {_UNSURE:g}",
            "The model says itself that another label is more likely than not.",
            "labels",
        )


def _of_model(facts: Facts) -> Iterator[Finding]:
    correction = facts.about.get(PRIOR_CORRECTION, {})
    if correction:
        share = percent(float(correction["share_changed"]))
        applied = bool(correction["applied"])
        yield Finding(
            "repaired" if applied else "caution",
            "Labels follow the proportions of this query"
            if applied
            else "The correction for this query's proportions was left out",
            f"{share} of the labels changed by it."
            if applied
            else f"It would have changed {share} of the labels, more than can be wrong.",
            "labels",
        )
    if not facts.card:
        yield Finding(
            "unknown",
            "Which model this was is not known",
            f"uns[{facts.key!r}] holds no model card; concatenation drops it.",
            "model",
        )
        return
    baseline = facts.card.get(BASELINE, {})
    if not baseline:
        yield Finding(
            "unknown",
            "The model was not compared with a logistic regression",
            "Whether a simpler classifier would have done as well is not known. "
            "model.train(compare_baseline=True) notes it in the model card.",
            "model",
        )
    elif str(baseline["winner"]) == "logistic regression":
        yield Finding(
            "caution",
            "A logistic regression did better than this model",
            str(baseline["summary"]),
            "model",
        )
