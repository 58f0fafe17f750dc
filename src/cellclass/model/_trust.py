"""How far a model's answers can be trusted: calibration, novelty, sets; learned after the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cellclass.metrics import ConformalSets, NoveltyScorer, fit_temperature, log_losses, softmax

if TYPE_CHECKING:
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
    novelty: NoveltyScorer | None = None
    sets: ConformalSets | None = None
    losses: np.ndarray | None = None

    @classmethod
    def fit(cls, training: Cells, *, held_out: Cells) -> Trust:
        """Learn from training cells, and from cells that no gradient has seen."""
        temperature = fit_temperature(held_out.logits, held_out.codes)
        return cls(
            temperature=temperature,
            novelty=NoveltyScorer.fit(
                training.latent,
                training.x,
                training.codes,
                held_out=(held_out.latent, held_out.x),
            ),
            sets=ConformalSets.fit(
                log_losses(held_out.logits, temperature=temperature), held_out.codes
            ),
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
        """Say which labels are in the cells' prediction sets, bool `(n_obs, n_labels)`."""
        losses = log_losses(logits, temperature=self.temperature)
        return ConformalSets.contains(losses, thresholds)

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
            NoveltyScorer.from_arrays(novelty) if novelty else None,
            ConformalSets(**sets) if sets else None,
        )
