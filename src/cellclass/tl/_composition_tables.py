"""Tables of proportions, differences and distances, from counts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass.metrics._composition_draws import (
    corrected,
    draw_cells,
    draw_inverses,
    draw_samples,
    draw_spread,
    interval,
)
from cellclass.metrics._composition_pvalues import adjusted, pvalues_of_cells, pvalues_of_samples
from cellclass.metrics._js_distance import js_distance, js_divergence
from cellclass.metrics._proportions import most_likely

if TYPE_CHECKING:
    from cellclass.tl._composition_samples import Samples

# What the p-values of a difference rest on.
BY_SAMPLES, BY_ONE_SPREAD, BY_CELLS = "samples", "samples of one condition", "cells"
_N_PERMUTATIONS = 9999


@dataclass(frozen=True)
class Drawn:
    """Draws of a condition's shares before correction, `(n, n_labels)`."""

    cells: np.ndarray
    """Cells of the samples drawn again."""
    samples: np.ndarray
    """Samples drawn again with the scale of t; `cells` for a single sample."""
    spread: np.ndarray
    """Samples drawn again as if their spread were known; `cells` for a single sample."""


class Composition:
    """Proportions of labels in samples and conditions.

    Parameters
    ----------
    samples
        Cells of each sample by label.
    confusion
        Cells by true and predicted label, `(n_labels, n_labels)`; `None` for no correction.
    level
        Of the intervals.
    n
        Number of draws.
    rng
        Generator, which is advanced.
    """

    def __init__(
        self,
        samples: Samples,
        confusion: np.ndarray | None,
        *,
        level: float,
        n: int,
        rng: np.random.Generator,
    ) -> None:
        self.samples, self.level, self.n, self.rng = samples, level, n, rng
        n_labels = len(samples.labels)
        self.rates = np.eye(n_labels)
        if confusion is not None:
            total = confusion.sum(axis=1, keepdims=True)
            known = len(confusion)  # unassigned cells are not corrected
            self.rates[:known, :known] = np.where(
                total > 0, confusion / np.maximum(total, 1), np.eye(known)
            )
            padded = np.zeros((n_labels, n_labels))
            padded[:known, :known] = confusion
            confusion = padded
        self.inverse = np.linalg.inv(self.rates)
        self.inverses = draw_inverses(confusion, n_labels, n, rng)
        self.members = [samples.of(i) for i in range(len(samples.conditions))]
        self.shares = samples.shares
        self.mean = np.stack([self.shares[rows].mean(axis=0) for rows in self.members])
        self.estimate = most_likely(self.mean, self.rates)
        self.drawn = [self._drawn(rows) for rows in self.members]

    def _drawn(self, rows: np.ndarray) -> Drawn:
        cells = draw_cells(self.samples.counts[rows], self.n, self.rng)
        if len(rows) == 1:
            return Drawn(cells, cells, cells)
        shares = self.shares[rows]
        return Drawn(
            cells,
            draw_samples(shares, self.n, self.rng),
            draw_spread(shares, self.n, self.rng),
        )

    def _corrected(self, shares: np.ndarray) -> np.ndarray:
        return corrected(shares, self.inverses)

    def sample_table(self) -> pd.DataFrame:
        """One row for each sample and label."""
        parts = []
        estimate = most_likely(self.shares, self.rates)
        for i in range(len(self.samples.names)):
            cells = self._corrected(draw_cells(self.samples.counts[[i]], self.n, self.rng))
            lower, upper = interval((cells,), estimate[i], self.level, least=0)
            parts.append(
                self._by_label(
                    sample=self.samples.names[i],
                    condition=self.samples.conditions[self.samples.condition[i]],
                    n_cells=self.samples.counts[i],
                    raw=self.shares[i],
                    proportion=estimate[i],
                    lower=lower,
                    upper=upper,
                )
            )
        return self._table(parts)

    def condition_table(self) -> pd.DataFrame:
        """One row for each condition and label."""
        parts = []
        for i, drawn in enumerate(self.drawn):
            kinds = tuple(self._corrected(draws) for draws in (drawn.cells, drawn.samples))
            lower, upper = interval(kinds, self.estimate[i], self.level, least=0)
            parts.append(
                self._by_label(
                    condition=self.samples.conditions[i],
                    n_samples=len(self.members[i]),
                    raw=self.mean[i],
                    proportion=self.estimate[i],
                    lower=lower,
                    upper=upper,
                )
            )
        return self._table(parts)

    def difference_table(self) -> pd.DataFrame:
        """One row for each pair of conditions and label."""
        parts = []
        for one, other in combinations(range(len(self.members)), 2):
            found = self.estimate[one] - self.estimate[other]
            lower, upper = interval(self._differences(one, other), found, self.level, least=-1)
            pvalues, test = self._pvalues(one, other)
            parts.append(
                self._by_label(
                    condition=self.samples.conditions[one],
                    other=self.samples.conditions[other],
                    difference=found,
                    lower=lower,
                    upper=upper,
                    pval=pvalues,
                    test=test,
                )
            )
        if not parts:
            columns = ["condition", "other", "label", "difference", "lower", "upper", "pval"]
            return pd.DataFrame(columns=[*columns, "pval_adj", "test"]).astype(
                dict.fromkeys(["difference", "lower", "upper", "pval", "pval_adj"], np.float64)
            )
        table = self._table(parts)
        table.insert(table.columns.get_loc("test"), "pval_adj", adjusted(table["pval"].to_numpy()))
        return table

    def _differences(self, one: int, other: int) -> tuple[np.ndarray, ...]:
        pair = (one, other)
        cells = self.drawn[one].cells - self.drawn[other].cells
        sizes = [len(self.members[i]) for i in pair]
        if max(sizes) == 1:
            return (self._corrected(cells),)
        draws = [self.drawn[i].samples for i in pair]
        if min(sizes) == 1:  # the samples of the other condition tell how samples differ
            single, several = pair if sizes[0] == 1 else pair[::-1]
            draws[pair.index(single)] = draw_samples(
                self.shares[self.members[single]],
                self.n,
                self.rng,
                like=self.shares[self.members[several]],
            )
        return self._corrected(cells), self._corrected(draws[0] - draws[1])

    def _pvalues(self, one: int, other: int) -> tuple[np.ndarray, str]:
        counts = [self.samples.counts[self.members[i]] for i in (one, other)]
        if max(map(len, counts)) == 1:
            found = pvalues_of_cells(
                counts[0][0],
                counts[1][0],
                self.inverse,
                n_permutations=_N_PERMUTATIONS,
                rng=self.rng,
            )
            test = BY_CELLS
        else:
            found = pvalues_of_samples(counts[0], counts[1], self.inverse)
            test = BY_SAMPLES if min(map(len, counts)) > 1 else BY_ONE_SPREAD
        seen = np.concatenate(counts).sum(axis=0) > 0
        return np.where(seen, found, np.nan), test

    def distance_table(self, reference: int | tuple[np.ndarray, bool]) -> pd.DataFrame:
        """One row for each condition but the reference.

        Parameters
        ----------
        reference
            Place of a condition, or cells or shares by label and whether they are cells.
        """
        degrees = []
        if isinstance(reference, tuple):
            cells, is_cells = reference
            cells = np.pad(cells, (0, len(self.samples.labels) - len(cells)))
            target = cells / cells.sum()
            target_draws = np.broadcast_to(target, (self.n, len(target)))
            if is_cells:
                target_draws = draw_cells(cells[None], self.n, self.rng)
        else:
            target = self.mean[reference] @ self.inverse
            target_draws = self._corrected(self.drawn[reference].spread)
            degrees = [len(self.members[reference]) - 1]
        others = [i for i in range(len(self.members)) if i != reference]
        rows, drawn = [], []
        for i in others:
            draws = self._corrected(self.drawn[i].spread)
            freedom = [n for n in (len(self.members[i]) - 1, *degrees) if n > 0]
            found = js_distance(
                (self.mean[i] @ self.inverse, target),
                (draws, target_draws),
                level=self.level,
                degrees=min(freedom, default=None),
            )
            drawn.append(js_divergence(draws, target_draws) - 2 * found.added)
            rows.append(
                {
                    "condition": self.samples.conditions[i],
                    "n_samples": len(self.members[i]),
                    "js_distance": found.estimate,
                    "lower": found.lower,
                    "upper": found.upper,
                    "uncorrected": found.raw,
                }
            )
        table = pd.DataFrame(rows)
        closest = np.argmin(drawn, axis=0)
        table["share_closest"] = [float((closest == i).mean()) for i in range(len(others))]
        return self._categories(table)

    def tissue_table(self, cells: np.ndarray) -> pd.DataFrame:
        """One row for each label of a reference given as cells or shares."""
        cells = np.pad(cells, (0, len(self.samples.labels) - len(cells)))
        return self._table([self._by_label(share=cells / cells.sum())])

    def _by_label(self, **columns: Any) -> pd.DataFrame:  # noqa: ANN401 - of many types
        front = ("sample", "condition", "other")
        data: dict[str, Any] = {name: columns.pop(name) for name in front if name in columns}
        data |= {"label": list(self.samples.labels)} | columns
        return pd.DataFrame(data)

    def _table(self, parts: list[pd.DataFrame]) -> pd.DataFrame:
        return self._categories(pd.concat(parts, ignore_index=True))

    def _categories(self, table: pd.DataFrame) -> pd.DataFrame:
        """Keep names in their order, in types that `.h5ad` files hold."""
        orders = {
            "sample": self.samples.names,
            "condition": self.samples.conditions,
            "other": self.samples.conditions,
            "label": self.samples.labels,
        }
        for column, order in orders.items():
            if column in table:
                table[column] = pd.Categorical(table[column], categories=list(order))
        if "test" in table:
            table["test"] = table["test"].astype("category")
        table.index = table.index.astype(str)
        return table
