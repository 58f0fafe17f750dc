"""What becomes of a model's answers when a query lacks some of its genes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass.contract._bound import BoundInput

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_DRAWS = 3
RANDOM, IMPORTANT = 0, 1


class Expected(NamedTuple):
    """What validation cells showed that lacked as many genes."""

    accuracy: float
    """Share (0–1) that got their label."""
    temperature: float
    distances: np.ndarray
    """Increasing scores of unlikeness to the training cells, float64 `(n_cells,)`."""
    losses: np.ndarray | None = None
    """Increasing log losses of their own labels (nats), float64 `(n_cells,)`."""


@dataclass(frozen=True)
class MissingGenes:
    """Accuracy, temperature, novelty and losses of validation cells that lack genes.

    Arrays are float64 `(2, n_points)`, `distances` and `losses` `(2, n_points, n_cells)`. In the
    first row genes are missing at random, in the second those of largest divergence; from left to
    right ever more of them, beginning with none.

    Attributes
    ----------
    missing
        Share (0–1) of the model's genes that is missing.
    importance
        Share (0–1) of their JS divergence that is missing.
    accuracy
        Share (0–1) of the validation cells that got their label.
    temperature
        Divides the logits so that the probabilities fit those cells.
    distances
        Their increasing scores of unlikeness to the training cells.
    n_cells
        How many validation cells there were.
    losses
        Their increasing log losses of their own labels, at that temperature (nats).
    """

    missing: np.ndarray
    importance: np.ndarray
    accuracy: np.ndarray
    temperature: np.ndarray
    distances: np.ndarray
    n_cells: int
    losses: np.ndarray | None = None

    def at(self, missing: float, importance: float) -> Expected:
        """Return what to expect of a query; distances and losses are compared rank by rank.

        Both rows are read where as much of the divergence is missing. Between them, what counts is
        how many genes it takes: fewer where they are those of largest divergence.

        Parameters
        ----------
        missing, importance
            Shares (0–1) of the model's genes, and of their divergence, that the query lacks.
        """
        places = [self._place(row, importance) for row in self.importance]

        def along(values: np.ndarray) -> np.ndarray:  # (2, n_points, …) to (2, …)
            pairs = zip(values, places, strict=True)
            return np.array([row[i] + t * (row[i + 1] - row[i]) for row, (i, t) in pairs])

        most, fewest = along(self.missing)
        width = max(most - fewest, 1e-9)  # where nothing is missing there is none
        t = np.clip(most - missing, 0.0, width) / width

        def between(values: np.ndarray) -> np.ndarray:
            return (1 - t) * values[RANDOM] + t * values[IMPORTANT]

        return Expected(
            accuracy=float(between(along(self.accuracy))),
            temperature=float(between(along(self.temperature))),
            distances=between(along(self.distances)),
            losses=None if self.losses is None else between(along(self.losses)),
        )

    @staticmethod
    def _place(points: np.ndarray, value: float) -> tuple[int, float]:
        """Find the point before a value, and how far (0–1) it is to the next one."""
        place = int(np.clip(np.searchsorted(points, value, side="right") - 1, 0, len(points) - 2))
        width = max(points[place + 1] - points[place], 1e-9)
        return place, float(np.clip((value - points[place]) / width, 0.0, 1.0))

    def error(self, accuracy: float) -> float:
        """Return the standard error of an expected accuracy."""
        return float(np.sqrt(max(accuracy * (1 - accuracy), 0.0) / max(self.n_cells, 1)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays, by name."""
        arrays = {name: values for name, values in vars(self).items() if values is not None}
        return {**arrays, "n_cells": np.array([self.n_cells])}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> MissingGenes:
        """Put together what `to_arrays` gave."""
        curves = {name: values for name, values in arrays.items() if name != "n_cells"}
        return cls(**curves, n_cells=int(arrays["n_cells"][0]))


def with_fewer_genes(
    bound: BoundInput, gene_share: np.ndarray, importance: np.ndarray, *, seed: int
) -> Iterator[tuple[int, int, BoundInput]]:
    """Take genes from cells of the reference, and read on as from a query that lacks them.

    Parameters
    ----------
    bound
        The cells, with all genes of the reference.
    gene_share
        As in the contract, `(n_genes,)`.
    importance
        JS divergence of the selected genes (nats), `(n_selected,)`.
    seed
        Of the genes that are missing at random, selected or not.

    Yields
    ------
    Row and column of `MissingGenes` to which the input belongs, and the input.
    """
    rng = np.random.default_rng(seed)
    n_genes, n_selected = gene_share.size, importance.size
    column_of = np.full(n_selected, -1)  # a gene without a name is not found in any cells
    columns = np.flatnonzero(bound.match.position >= 0)
    column_of[bound.match.position[columns]] = columns
    most_first = column_of[np.argsort(-importance, kind="stable")]
    most_first = most_first[most_first >= 0]
    yield RANDOM, 0, bound
    yield IMPORTANT, 0, bound
    for place, share in enumerate(SHARES, start=1):
        for _ in range(_DRAWS):
            gone = rng.permutation(n_genes)[: round(share * n_genes)]
            yield RANDOM, place, _without(bound, gone, gene_share, importance)
        gone = most_first[: round(share * n_selected)]
        yield IMPORTANT, place, _without(bound, gone, gene_share, importance)


def _without(
    bound: BoundInput, gone: np.ndarray, gene_share: np.ndarray, importance: np.ndarray
) -> BoundInput:
    known = bound.match.known.copy()
    known[gone] = False
    missing = np.sort(bound.match.position[gone])
    missing = missing[missing >= 0]
    match = replace(
        bound.match,
        known=known,
        position=np.where(known, bound.match.position, -1),
        missing=missing,
        share=float(gene_share[known].sum()),
        missing_share=float(importance[missing].sum() / importance.sum()),
    )
    return replace(bound, match=match)
