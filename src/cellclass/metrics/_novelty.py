"""How unlike the training cells a cell is, as a p-value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from cellclass.metrics._components import Components
from cellclass.metrics._label_distance import LabelDistance
from cellclass.metrics._neighbours import NeighbourDistance
from cellclass.metrics._residual import Residual

# Differences of scores that come from rounding in float32.
_ROUNDING = 1e-4
# Training cells of a label that are kept to look for neighbours among.
_PER_LABEL = 200
# Weights of the three parts, and how much they vary among cells of most references; that counts as
# much as what the held-out cells show once there are as many of those.
_WEIGHTS = np.array([1.0, 0.5, 0.5])
_USUAL_SCALE = np.array([2.0, 0.2, 0.1])
_PRIOR_CELLS = 10
_PARTS: dict[str, Any] = {
    "label": LabelDistance,
    "components": Components,
    "neighbours": NeighbourDistance,
    "residual": Residual,
}


@dataclass(frozen=True)
class NoveltyScorer:
    """Unlikeness to the training cells, made a conformal p-value.

    Three numbers, each put on the scale of the held-out cells (median 0, standard deviation 1), are
    added: the distance to the nearest label in the latent space, and with half the weight, the
    distance to the nearest training cells and the part of the expression that they do not explain,
    both in the model input. The latent space holds what tells the known labels apart, and the input
    what is new beside that. The p-value is the rank among cells that were not trained on (split
    conformal): `(1 + #{calibration scores ≥ score}) / (1 + n)`. For cells like the training cells
    it is uniform on (0, 1]; small values speak for a novel cell.

    Attributes
    ----------
    label, components, neighbours, residual
        The parts, as learned from training cells.
    centre, scale
        Of the three numbers among held-out cells, `(3,)`.
    calibration
        Increasing scores of held-out cells, `(n_calibration,)`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> known, codes = rng.normal(size=(300, 4)).astype(np.float32), np.zeros(300, dtype=int)
    >>> scorer = NoveltyScorer.fit(
    ...     known[:200], known[:200], codes[:200], held_out=(known[200:], known[200:])
    ... )
    >>> novel = np.full((1, 4), 9, dtype=np.float32)
    >>> bool(scorer.pvalue(novel, novel)[0] < 0.05)
    True
    """

    label: LabelDistance
    components: Components
    neighbours: NeighbourDistance
    residual: Residual
    centre: np.ndarray = field(default_factory=lambda: np.zeros(3))
    scale: np.ndarray = field(default_factory=_USUAL_SCALE.copy)
    calibration: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def fit(
        cls,
        latent: np.ndarray,
        x: np.ndarray,
        codes: np.ndarray,
        *,
        held_out: tuple[np.ndarray, np.ndarray],
    ) -> NoveltyScorer:
        """Learn from training cells, calibrate on held-out ones.

        Parameters
        ----------
        latent
            Latent representation of training cells, `(n_obs, D)`.
        x
            Their model input, float32 `(n_obs, n_genes)`.
        codes
            Their label codes, `(n_obs,)`; every code up to the largest has cells.
        held_out
            Latent representation and model input of cells of the same kind that the weights did
            not see.
        """
        some = _at_most(codes, _PER_LABEL)
        label = LabelDistance.fit(latent, codes)
        latent, x, codes = latent[some], x[some], codes[some]
        components = Components.fit(x)
        places, rest, depth = components.split(x)
        scorer = cls(
            label=label,
            components=components,
            neighbours=NeighbourDistance.fit(places, codes),
            residual=Residual.fit(rest, depth, codes),
        )
        parts = scorer.parts(*held_out)
        n = len(parts)
        if n == 0:
            return scorer
        centre = np.median(parts, axis=0)
        spread = np.diff(np.quantile(parts, [0.1, 0.9], axis=0), axis=0)[0] / 2.56
        scale = np.sqrt((n * spread**2 + _PRIOR_CELLS * _USUAL_SCALE**2) / (n + _PRIOR_CELLS))
        scorer = replace(scorer, centre=centre, scale=scale)
        return replace(scorer, calibration=np.sort(scorer.score(*held_out)))

    def parts(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the three numbers, float64 `(n_obs, 3)`."""
        distance, code = self.label.nearest(latent)
        if len(x) == 0:
            return np.zeros((0, 3))
        places, rest, depth = self.components.split(x)
        neighbours = self.neighbours.score(places)
        return np.stack([distance, neighbours, self.residual.score(rest, depth, code)], axis=1)

    def score(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Unlikeness of cells, float64 `(n_obs,)`; about 0 for the median training cell.

        Parameters
        ----------
        latent, x
            Latent representation `(n_obs, D)` and model input `(n_obs, n_genes)`.
        """
        return (self.parts(latent, x) - self.centre) / self.scale @ _WEIGHTS

    def pvalue(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Conformal p-value of being like the training cells, float64 `(n_obs,)`.

        NaN where no cells were held out for calibration.
        """
        return conformal_pvalue(self.score(latent, x), self.calibration)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        nested = {
            f"{name}.{key}": array
            for name in _PARTS
            for key, array in vars(getattr(self, name)).items()
        }
        return nested | {name: getattr(self, name) for name in ("centre", "scale", "calibration")}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> NoveltyScorer:
        """Put together what `to_arrays` gave."""
        parts: dict[str, Any] = {
            name: part(**{f.name: arrays[f"{name}.{f.name}"] for f in fields(part)})
            for name, part in _PARTS.items()
        }
        return cls(**parts | {name: value for name, value in arrays.items() if "." not in name})


def conformal_pvalue(score: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Rank scores `(n_obs,)` among increasing ones of held-out cells; NaN where there are none."""
    n = len(calibration)
    if n == 0:
        return np.full(len(score), np.nan)
    # A cell that equals a calibration cell up to rounding counts as equal, however its matrix
    # product was grouped.
    n_above = n - np.searchsorted(calibration, score - _ROUNDING, side="left")
    return (1 + n_above) / (1 + n)


def _at_most(codes: np.ndarray, per_label: int) -> np.ndarray:
    """Positions of at most so many cells of each label, increasing."""
    order = np.random.default_rng(0).permutation(len(codes))
    by_label = order[np.argsort(codes[order], kind="stable")]
    n = np.bincount(codes)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(n) - n, n)
    return np.sort(by_label[place < per_label])
