"""How far a model's answers can be trusted: calibration and novelty, learned after the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cellclass.metrics import NoveltyScorer, fit_temperature, softmax

if TYPE_CHECKING:
    from cellclass.contract import Expected


@dataclass(frozen=True)
class Trust:
    """Calibration and novelty of a trained network.

    Attributes
    ----------
    temperature
        Divides the logits; fitted on the validation cells.
    novelty
        Distance to the training cells, ranked among the validation cells; `None` before a fit.
    """

    temperature: float = 1.0
    novelty: NoveltyScorer | None = None

    @classmethod
    def fit(
        cls,
        latent: np.ndarray,
        codes: np.ndarray,
        *,
        held_out: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Trust:
        """Learn from latent training cells `(n_obs, D)` and their codes, and from held-out cells.

        `held_out` holds latent representation, logits and codes of the validation cells.
        """
        latent_held_out, logits, codes_held_out = held_out
        return cls(
            temperature=fit_temperature(logits, codes_held_out),
            novelty=NoveltyScorer.fit(latent, codes, latent_held_out),
        )

    def given(self, expected: Expected | None) -> Trust:
        """Return what fits a query that lacks genes, as validation cells showed."""
        if expected is None or self.novelty is None:
            return self
        novelty = replace(self.novelty, calibration=expected.distances)
        return replace(self, temperature=expected.temperature, novelty=novelty)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float64 `(n_obs, n_labels)`."""
        return softmax(logits, temperature=self.temperature)

    def pvalue(self, latent: np.ndarray) -> np.ndarray:
        """Return conformal p-values of being like the training cells, float64 `(n_obs,)`."""
        if self.novelty is None:
            return np.full(len(latent), np.nan)
        return self.novelty.pvalue(latent)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        return {} if self.novelty is None else self.novelty.to_arrays()

    @classmethod
    def from_parts(cls, temperature: float, arrays: dict[str, np.ndarray]) -> Trust:
        """Put together what was saved."""
        return cls(temperature, NoveltyScorer(**arrays) if arrays else None)
