"""Fit what a model makes of proteins, on the same cells as its networks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cellclass.contract import SHARES, MissingGenes
from cellclass.errors import LabelError
from cellclass.metrics import (
    ConformalSets,
    classification_scores,
    fit_temperature,
    log_losses,
)
from cellclass.metrics._discriminant import Discriminant
from cellclass.model._protein_part import ProteinCells, ProteinPart, mean_of, surprise_of
from cellclass.model._trust import Cells, Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass.model._base import CellClassifier
    from cellclass.model._reference import Reference

# How often proteins are left out at random, for each share of them.
_DRAWS = 3
# Held-out cells on which that is tried out.
_MOST_LOOKED_AT = 1000
_RANDOM, _IMPORTANT = 0, 1
# Scores that differ by rounding only.
_ROUNDING = 1e-4


class HeldOut(NamedTuple):
    """Held-out cells with proteins, each in the eyes of the network that has not seen it."""

    rows: np.ndarray
    """Positions in the reference, `(n_cells,)`."""
    part: np.ndarray
    """Which network that is, `(n_cells,)`."""
    logits: np.ndarray
    """By RNA, over its temperature, `(n_cells, n_labels)`."""
    pvalue: np.ndarray
    """Of being like the training cells by RNA, `(n_cells,)`."""


def fit_proteins(
    model: CellClassifier, reference: Reference, cells: ProteinCells
) -> tuple[ProteinPart, dict[str, Any]]:
    """Fit the discriminants, join them to the RNA, and calibrate each case.

    Parameters
    ----------
    model
        Trained and calibrated on RNA.
    reference
        Its cells.
    cells
        Their proteins.

    Returns
    -------
    The part, and what the card says of it.
    """
    train = reference.train[cells.told[reference.train]]
    _check_labels(train, reference, model.labels)
    contract = cells.contract.learned(cells.x[train], reference.codes[train])
    discriminants, parts = [], []
    for part in range(reference.n_parts):
        own = reference.trained_on(part)
        own = own[cells.told[own]]
        _check_labels(own, reference, model.labels)
        discriminants.append(Discriminant.fit(cells.x[own], reference.codes[own]))
        seen = []
        for rows in (reference.examples(part), reference.held_out(part)):
            kept = rows[cells.told[rows]]
            x = cells.x[kept]
            logits = discriminants[-1].logits(x)
            seen.append(Cells(x, x, logits, reference.codes[kept]))
        parts.append((seen[0], seen[1]))
    places = reference.looked_at[0]
    places = places[cells.told[places]]
    n_proteins = cells.x.shape[1]
    x = cells.x[places]
    found = ProteinPart(
        contract=contract,
        discriminants=tuple(discriminants),
        alone=Trust.fit(
            parts,
            np.tile(np.arange(n_proteins), (len(parts), 1)),
            together=(np.tile(x, (1, len(parts))), x) if len(parts) > 1 else None,
            held_out_by=reference.held_out_by[places],
        ),
        both=Trust(),
        surprise=np.zeros(0),
    )
    held_out = _held_out(model, reference, cells)
    return _joined(found, reference, cells, held_out, model.labels, seed=model._seed)  # noqa: SLF001


def _check_labels(rows: np.ndarray, reference: Reference, labels: tuple[str, ...]) -> None:
    n_cells = np.bincount(reference.codes[rows], minlength=len(labels))
    if (n_cells == 0).any():
        none = labels[int(n_cells.argmin())]
        raise LabelError(
            f"No training cell of the label {none!r} has counts of proteins. Merge the label into "
            "another, or set up the RNA alone with setup_anndata(mdata['rna'], …)."
        )


def _held_out(model: CellClassifier, reference: Reference, cells: ProteinCells) -> HeldOut:
    """Ask each network of the model for the cells that it was not trained on."""
    found = []
    novelty: Any = model._trust.novelty  # noqa: SLF001
    several = reference.n_parts > 1
    for part, network in enumerate(model._networks):  # noqa: SLF001
        rows = reference.held_out(part)
        rows = rows[cells.told[rows]]
        x = reference.read(rows, part)
        latent, logits = model._forward(x, network)  # noqa: SLF001
        scores = (novelty.scorers[part] if several else novelty).score(latent, x)
        scores = novelty.shrunken(scores) if several else scores
        pvalue = _left_out(scores, novelty.calibration)
        found.append(HeldOut(rows, np.full(len(rows), part), logits, pvalue))
    joined = HeldOut(*(np.concatenate(values) for values in zip(*found, strict=True)))
    return joined._replace(logits=joined.logits / model._trust.temperature)  # noqa: SLF001


def _left_out(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """p-values of cells that are among the calibration cells themselves, as if they were not."""
    above = len(calibration) - np.searchsorted(calibration, scores - _ROUNDING, side="left")
    return np.clip(above, 1, None) / max(len(calibration), 1)


def _joined(
    found: ProteinPart,
    reference: Reference,
    cells: ProteinCells,
    held_out: HeldOut,
    labels: tuple[str, ...],
    *,
    seed: int,
) -> tuple[ProteinPart, dict[str, Any]]:
    """Calibrate what RNA and proteins say together."""
    codes, x = reference.codes[held_out.rows], cells.x[held_out.rows]
    everything = np.ones(x.shape[1], dtype=bool)
    proteins = _own(found.logits(x, everything), held_out.part)
    about: dict[str, Any] = {"n_proteins": x.shape[1], "n_cells": len(codes)}
    if len(codes) == 0:
        return found, about
    alone = proteins / found.alone.temperature
    both = mean_of(held_out.logits, alone)
    temperature = fit_temperature(both, codes)
    sets = ConformalSets.fit(log_losses(both, temperature=temperature), codes)
    pvalue = _left_out(_scores(found, x, held_out.part, whole=True), _calibration(found))
    found = replace(
        found,
        both=Trust(temperature=temperature, sets=sets),
        surprise=np.sort(surprise_of(held_out.pvalue, pvalue)),
    )
    some = np.sort(np.random.default_rng(seed).permutation(len(codes))[:_MOST_LOOKED_AT])
    looked_at = HeldOut(*(values[some] for values in held_out))
    curves = _measure_missing(found, codes[some], x[some], looked_at, seed=seed)
    names = np.asarray(labels)
    about["temperatures"] = {"proteins": found.alone.temperature, "both": temperature}
    about["validation"] = {
        name: classification_scores(names[codes], names[logits.argmax(axis=1)])
        for name, logits in {"rna": held_out.logits, "proteins": proteins, "both": both}.items()
    }
    return replace(found, alone_missing=curves[0], both_missing=curves[1]), about


def _own(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Take of `(K, n_cells, …)` what the part of each cell says."""
    return values[part, np.arange(len(part))]


def _calibration(found: ProteinPart) -> np.ndarray:
    novelty: Any = found.alone.novelty
    return novelty.calibration


def _scores(found: ProteinPart, x: np.ndarray, part: np.ndarray, *, whole: bool) -> np.ndarray:
    """Unlikeness of held-out cells by proteins, each by the scorer that has not seen it.

    As for genes: the scores of whole cells are drawn to where the mean of several would be.
    """
    novelty: Any = found.alone.novelty
    if len(found.discriminants) == 1:
        return novelty.score(x, x)
    scores = _own(np.stack([one.score(x, x) for one in novelty.scorers]), part)
    return novelty.shrunken(scores) if whole else scores


def _measure_missing(
    found: ProteinPart, codes: np.ndarray, x: np.ndarray, held_out: HeldOut, *, seed: int
) -> tuple[MissingGenes, MissingGenes]:
    """Answer held-out cells while they lack more and more proteins, with RNA and without it."""
    shape = (2, len(SHARES) + 1)
    n_cells = len(codes)
    own = np.arange(n_cells), codes
    log_temperature, accuracy = np.zeros((2, *shape)), np.zeros((2, *shape))
    losses = np.zeros((2, *shape, n_cells))
    distances = np.zeros((*shape, n_cells))
    missing, importance, n = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    total = max(found.contract.importance.sum(), 1e-9)
    for row, place, known in _fewer(found.contract.importance, seed=seed):
        at = row, place
        given = _without(x, known, found.contract.mean)
        proteins = _own(found.logits(given, known), held_out.part)
        by_proteins = fit_temperature(proteins, codes)
        joined = mean_of(held_out.logits, proteins / by_proteins)
        n[at] += 1
        missing[at] += 1 - known.mean()
        importance[at] += found.contract.importance[~known].sum() / total
        scores = _scores(found, given, held_out.part, whole=bool(known.all()))
        distances[at] += np.sort(scores)
        for case, logits in enumerate((proteins, joined)):
            temperature = fit_temperature(logits, codes)
            log_temperature[case][at] += np.log(temperature)
            accuracy[case][at] += (logits.argmax(axis=1) == codes).mean()
            losses[case][at] += np.sort(log_losses(logits, temperature=temperature)[own])
    curves = [
        MissingGenes(
            missing=missing / n,
            importance=importance / n,
            accuracy=accuracy[case] / n,
            temperature=np.exp(log_temperature[case] / n),
            distances=distances / n[:, :, None],
            n_cells=n_cells,
            losses=losses[case] / n[:, :, None],
        )
        for case in (0, 1)
    ]
    return curves[0], curves[1]


def _fewer(importance: np.ndarray, *, seed: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield row and column of the curves, and which proteins are left, two at least."""
    rng = np.random.default_rng(seed)
    n_proteins = len(importance)
    most_first = np.argsort(-importance, kind="stable")
    for row in (_RANDOM, _IMPORTANT):
        yield row, 0, np.ones(n_proteins, dtype=bool)
    for place, share in enumerate(SHARES, start=1):
        n_gone = min(round(share * n_proteins), n_proteins - 2)
        for draw in range(_DRAWS + 1):
            order = most_first if draw == _DRAWS else rng.permutation(n_proteins)
            known = np.ones(n_proteins, dtype=bool)
            known[order[:n_gone]] = False
            yield (_IMPORTANT if draw == _DRAWS else _RANDOM), place, known


def _without(x: np.ndarray, known: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the input of cells that lack proteins, as the contract makes it."""
    level = (x[:, known] - mean[known]).mean(axis=1, keepdims=True)
    return np.where(known, x - level, mean).astype(np.float32)
