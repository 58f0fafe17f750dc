"""Novelty by several networks, each calibrated on cells that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cellclass.metrics._novelty import NoveltyScorer, conformal_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence


# How far networks agree on most references, and as how many cells that counts.
_USUAL_AGREEMENT, _PRIOR_CELLS = 0.8, 50


@dataclass(frozen=True)
class CrossNovelty:
    """Unlikeness to the training cells in the eyes of K networks, made one p-value.

    The score of a cell is the mean of the K networks' scores; a held-out cell has one score only,
    of the network that has not seen it. A mean varies less than a single score, by the factor
    `sqrt(c + (1 − c) / K)` where c is the correlation of two networks' scores. So the scores of the
    held-out cells are drawn towards their median by this factor before a cell is ranked among
    them. c is estimated between a held-out cell's score and the mean of the other networks', with
    few cells drawn towards 0.8.

    Attributes
    ----------
    scorers
        One for each network.
    genes
        The genes that each network reads: places in the model input, `(K, g)`.
    centre, shrinkage
        Median of the held-out cells' scores, and the factor.
    calibration
        Increasing scores of the held-out cells of all networks, shrunken, `(n_calibration,)`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 3)).astype(np.float32)
    >>> codes, part = np.zeros(200, dtype=int), np.arange(200) % 2
    >>> scorers = []
    >>> for k in (0, 1):  # each network has not seen one half
    ...     seen, own = x[part != k], x[part == k]
    ...     scorers.append(NoveltyScorer.fit(seen, seen, codes[part != k], held_out=(own, own)))
    >>> latent = np.hstack([x, x])
    >>> genes = np.arange(3)[None].repeat(2, axis=0)
    >>> novelty = CrossNovelty.of(scorers, genes, cells=(latent, x), held_out_by=part)
    >>> novel = np.full((1, 3), 9, dtype=np.float32)
    >>> bool(novelty.pvalue(np.hstack([novel, novel]), novel)[0] < 0.05)
    True
    """

    scorers: tuple[NoveltyScorer, ...]
    genes: np.ndarray
    centre: float
    shrinkage: float
    calibration: np.ndarray

    @classmethod
    def of(
        cls,
        scorers: Sequence[NoveltyScorer],
        genes: np.ndarray,
        *,
        cells: tuple[np.ndarray, np.ndarray],
        held_out_by: np.ndarray,
    ) -> CrossNovelty:
        """Pool the held-out cells of several scorers.

        Parameters
        ----------
        scorers, genes
            As the attributes.
        cells
            Latent representations of all networks side by side `(n_obs, K · D)`, and model input
            `(n_obs, n_genes)`, of cells to learn from how far the networks agree.
        held_out_by
            The network that was not trained on each of these cells, `(n_obs,)`.
        """
        pooled = np.concatenate([scorer.calibration for scorer in scorers])
        centre = float(np.median(pooled)) if pooled.size else 0.0
        whole = cls(tuple(scorers), np.asarray(genes), centre, 1.0, pooled)
        scores = whole.scores(*cells)
        own = scores[held_out_by, np.arange(len(held_out_by))]
        n = len(scorers)
        others = (scores.sum(axis=0) - own) / (n - 1)
        found, n_cells = 0.0, 0
        if len(own) > 2 and own.std() > 0 and others.std() > 0:
            found, n_cells = float(np.corrcoef(own, others)[0, 1]), len(own)
        agreement = (n_cells * found + _PRIOR_CELLS * _USUAL_AGREEMENT) / (n_cells + _PRIOR_CELLS)
        agreement = max(agreement, 0.0)
        whole = replace(whole, shrinkage=float(np.sqrt(agreement + (1 - agreement) / n)))
        return replace(whole, calibration=np.sort(whole.shrunken(pooled)))

    def shrunken(self, scores: np.ndarray) -> np.ndarray:
        """Draw scores of single networks to where a mean of all of them would be."""
        return self.centre + self.shrinkage * (scores - self.centre)

    def scores(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Unlikeness in the eyes of each network, float64 `(K, n_obs)`.

        Parameters
        ----------
        latent
            Latent representations of the networks side by side, `(n_obs, K · D)`.
        x
            Model input, `(n_obs, n_genes)`.
        """
        latents = np.split(latent, len(self.scorers), axis=1)
        parts = zip(self.scorers, latents, self.genes, strict=True)
        return np.stack([scorer.score(z, x[:, genes]) for scorer, z, genes in parts])

    def score(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Mean unlikeness of cells, float64 `(n_obs,)`."""
        return self.scores(latent, x).mean(axis=0)

    def pvalue(self, latent: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Conformal p-value of being like the training cells, float64 `(n_obs,)`."""
        return conformal_pvalue(self.score(latent, x), self.calibration)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        nested = {
            f"{k}.{name}": array
            for k, scorer in enumerate(self.scorers)
            for name, array in scorer.to_arrays().items()
        }
        level = np.array([self.centre, self.shrinkage])
        return {**nested, "genes": self.genes, "level": level, "calibration": self.calibration}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> CrossNovelty:
        """Put together what `to_arrays` gave."""
        nested: dict[int, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            if part.isdigit():
                nested.setdefault(int(part), {})[rest] = array
        scorers = tuple(NoveltyScorer.from_arrays(nested[k]) for k in sorted(nested))
        centre, shrinkage = map(float, arrays["level"])
        return cls(scorers, arrays["genes"], centre, shrinkage, arrays["calibration"])
