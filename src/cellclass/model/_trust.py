"""How far a model's answers can be trusted: calibration, novelty, sets; learned after the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass.metrics import (
    ConformalSets,
    CrossNovelty,
    NoveltyScorer,
    fit_temperature,
    log_losses,
    softmax,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellclass.contract import Expected


class Cells(NamedTuple):
    """Labelled cells as a trained network sees them."""

    x: np.ndarray
    """Model input, float32 `(n_obs, n_genes)`."""
    latent: np.ndarray
    """Latent representation, `(n_obs, D)`."""
    logits: np.ndarray
    """`(n_obs, n_labels)`."""
    codes: np.ndarray
    """Label codes, `(n_obs,)`."""


@dataclass(frozen=True)
class Trust:
    """Calibration, novelty and prediction sets of a trained network.

    Attributes
    ----------
    temperature
        Divides the logits; fitted on the held-out cells.
    novelty
        Unlikeness to the training cells, ranked among the held-out cells; `None` before a fit.
    sets
        Conformal scores of the held-out cells; `None` before a fit.
    losses
        Increasing scores of held-out cells under the conditions of a query; `None` for the usual.
    """

    temperature: float = 1.0
    novelty: NoveltyScorer | CrossNovelty | None = None
    sets: ConformalSets | None = None
    losses: np.ndarray | None = None

    @classmethod
    def fit(
        cls,
        parts: Sequence[tuple[Cells, Cells]],
        genes: np.ndarray,
        *,
        together: tuple[np.ndarray, np.ndarray] | None,
        held_out_by: np.ndarray,
    ) -> Trust:
        """Learn from the training cells of each network, and from cells that it has not seen.

        Parameters
        ----------
        parts
            Training cells and held-out cells in the eyes of each network.
        genes
            The genes that each network reads: places in the model input, `(n_parts, n)`.
        together
            Latent representation and input of held-out cells in the eyes of the whole model; `None`
            for one network.
        held_out_by
            The network that has not seen each of these, `(n_obs,)`.
        """
        logits = np.concatenate([held_out.logits for _, held_out in parts])
        codes = np.concatenate([held_out.codes for _, held_out in parts])
        temperature = fit_temperature(logits, codes)
        scorers = [
            NoveltyScorer.fit(
                training.latent, training.x, training.codes, held_out=(held_out.latent, held_out.x)
            )
            for training, held_out in parts
        ]
        novelty: NoveltyScorer | CrossNovelty = scorers[0]
        if together is not None:
            novelty = CrossNovelty.of(scorers, genes, cells=together, held_out_by=held_out_by)
        return cls(
            temperature=temperature,
            novelty=novelty,
            sets=ConformalSets.fit(log_losses(logits, temperature=temperature), codes),
        )

    @property
    def n_calibration(self) -> int:
        """How many held-out cells novelty is ranked among."""
        return 0 if self.novelty is None else len(self.novelty.calibration)

    def given(self, expected: Expected | None) -> Trust:
        """Return what fits a query that lacks genes, as held-out cells showed."""
        if expected is None or self.novelty is None:
            return self
        novelty = replace(self.novelty, calibration=expected.distances)
        return replace(
            self, temperature=expected.temperature, novelty=novelty, losses=expected.losses
        )

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float64 `(n_obs, n_labels)`."""
        return softmax(logits, temperature=self.temperature)

    def pvalue(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return conformal p-values of being like the training cells, float64 `(n_obs,)`."""
        if self.novelty is None:
            return np.full(len(latent), np.nan)
        return self.novelty.pvalue(latent, x)

    def thresholds(self, n_labels: int, coverage: float) -> np.ndarray:
        """Largest log loss with which each label is in a prediction set, `(n_labels,)`."""
        if self.sets is None or len(self.sets.scores) == 0:
            raise ValueError(
                "Sets are calibrated on held-out cells, and the model has none. Train one with "
                "validation_size above 0."
            )
        return self.sets.thresholds(n_labels, coverage, now=self.losses)

    def contains(self, logits: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Say which labels are in the cells' prediction sets, bool `(n_obs, n_labels)`.

        Takes the logits of each network, `(n_networks, n_obs, n_labels)`: thresholds are those of
        single networks, whose sets vote.
        """
        held = [
            ConformalSets.contains(log_losses(own, temperature=self.temperature), thresholds)
            for own in logits
        ]
        return 2 * np.sum(held, axis=0) > len(held)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by dotted name."""
        if self.novelty is None or self.sets is None:
            return {}
        novelty = {f"novelty.{name}": array for name, array in self.novelty.to_arrays().items()}
        return novelty | {f"sets.{name}": array for name, array in vars(self.sets).items()}

    @classmethod
    def from_parts(
        cls, temperature: float, novelty: dict[str, np.ndarray], sets: dict[str, np.ndarray]
    ) -> Trust:
        """Put together what was saved; a part that was not is left out."""
        return cls(
            temperature,
            _novelty_from(novelty) if novelty else None,
            ConformalSets(**sets) if sets else None,
        )


def _novelty_from(arrays: dict[str, np.ndarray]) -> NoveltyScorer | CrossNovelty:
    kind = CrossNovelty if "genes" in arrays else NoveltyScorer
    return kind.from_arrays(arrays)
