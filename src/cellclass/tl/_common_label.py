"""The lowest label of a hierarchy that several labels have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import listed, near
from cellclass.errors import LabelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cellclass.pp._hierarchy import Hierarchy

_ROWS_AT_ONCE = 8192
_MOST_LISTED = 8
# Probabilities are stored in single precision.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class CommonLabels:
    """The labels of a hierarchy that can stand for labels of a model.

    Of several that stand for the same ones only the lowest is here.

    Attributes
    ----------
    names
        The labels: the model's own first, then by how many of those they stand for.
    below
        Which of the model's labels each of them stands for, bool `(n_names, n_labels)`.
    depth
        How far down the hierarchy they are, int32 `(n_names,)`.
    """

    names: tuple[str, ...]
    below: np.ndarray
    depth: np.ndarray

    @classmethod
    def of(cls, hierarchy: Hierarchy, labels: tuple[str, ...]) -> CommonLabels:
        """Look up the labels of a model in a hierarchy, or say which are not in it."""
        unknown = [label for label in labels if label not in hierarchy.graph]
        if unknown:
            raise LabelError(
                f"The hierarchy lacks {len(unknown)} of the {len(labels)} labels of the "
                f"annotation: {listed(map(repr, unknown), _MOST_LISTED)}. Those most "
                f"like the first: {near(unknown[0], hierarchy.graph)}. Add them, or spell labels "
                "as the hierarchy does (cc.pp.harmonize_labels proposes how) and train again."
            )
        above = [hierarchy.ancestors(label) for label in labels]
        rows = {name: np.array([name in a for a in above]) for name in set().union(*above)}
        # Lower ones first: what stands below another has all of its ancestors and one more.
        height = {name: -len(hierarchy.ancestors(name)) for name in rows}
        own = {label: place for place, label in enumerate(labels)}
        order = sorted(
            rows,
            key=lambda name: (
                name not in own,
                own.get(name, 0),
                rows[name].sum(),
                height[name],
                name,
            ),
        )
        lowest: dict[bytes, str] = {}
        for name in order:
            lowest.setdefault(rows[name].tobytes(), name)
        names = tuple(lowest.values())
        return cls(
            names=names,
            below=np.array([rows[name] for name in names]),
            depth=np.array([hierarchy.depth[name] for name in names], dtype=np.int32),
        )

    def of_sets(self, sets: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest label that stands for every label of a set.

        Parameters
        ----------
        sets
            bool `(n_obs, n_labels)`.
        probability
            Of each label, float64 `(n_obs, n_labels)`; decides between several lowest ones.

        Returns
        -------
        places
            Place in `names`, int64 `(n_obs,)`; -1 for an empty set and where the labels have
            nothing in common.
        pooled
            Sum of the probabilities of the labels that it stands for, float64 `(n_obs,)`; 0 for -1.
        """
        outside = (~self.below).T.astype(np.float32)
        places, pooled = _empty(len(sets))
        for rows in _blocks(len(sets)):
            members = sets[rows].astype(np.float32)
            stands = (members @ outside == 0) & (members.sum(axis=1, keepdims=True) > 0)
            places[rows], pooled[rows] = self._lowest(stands, probability[rows] @ self.below.T)
        return places, pooled

    def of_probabilities(
        self, probability: np.ndarray, coverage: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest label whose pooled probability is at least `coverage`.

        It is never above the lowest common label of the smallest set of labels with that sum, which
        is one of those with enough probability. Takes and returns the same as `of_sets`.
        """
        places, pooled = _empty(len(probability))
        for rows in _blocks(len(probability)):
            sums = probability[rows] @ self.below.T
            places[rows], pooled[rows] = self._lowest(sums >= coverage - _ROUNDING, sums)
        return places, pooled

    def _lowest(self, stands: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the labels that may stand for a cell, the one for fewest labels, then likeliest."""
        cost = np.where(stands, self.below.sum(axis=1) - sums / 2, np.inf)
        best = cost.argmin(axis=1)
        found = stands.any(axis=1)
        of_best = np.take_along_axis(sums, best[:, None], axis=1)[:, 0]
        return np.where(found, best, -1), np.where(found, of_best, 0)


def _empty(n_obs: int) -> tuple[np.ndarray, np.ndarray]:
    return np.empty(n_obs, dtype=np.int64), np.empty(n_obs)


def _blocks(n_obs: int) -> Iterator[slice]:
    for start in range(0, n_obs, _ROWS_AT_ONCE):
        yield slice(start, start + _ROWS_AT_ONCE)
