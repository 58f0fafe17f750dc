"""A query that has passed the contract: rows of it can be read as the model's input."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cellclass.contract._gene_report import gene_report
from cellclass.contract._genes import doubts_of
from cellclass.contract._restore import restored
from cellclass.contract._rows import CHUNK_SIZE, take_rows
from cellclass.kernels import gather_csr, gather_dense

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from cellclass.contract._genes import GeneMatch
    from cellclass.contract._missing_genes import Expected, MissingGenes
    from cellclass.contract._scale import Scale
    from cellclass.contract._source import Source

#: Missing share of divergence above which the caller is warned.
_WARN_MISSING = 0.2
# A cell with fewer expressed genes than these is as good as empty: one to three stray molecules
# fit any cell type. In a panel of a few genes, fewer are asked for: one in eight.
_FEWEST_GENES = 4
_PANEL_GENES = 8


class Earlier(NamedTuple):
    """The same cells, or those that they came from, at an earlier time point."""

    X: Any
    """The matrix `(n_obs, n_query_genes)`, of the same genes."""
    scale: Scale
    """Which scale it is on."""


@dataclass(frozen=True)
class BoundInput:
    """Cells of an AnnData as a model reads them.

    Attributes
    ----------
    X
        The matrix `(n_obs, n_query_genes)`; rows are read from it when asked for.
    source, scale, match
        Where it stands, which scale it is on, and how its genes map to the model's.
    fill
        Model input for missing genes, `(n_selected,)`, or `(2 · n_selected,)` with an earlier time
        point.
    target_sum
        Counts per cell to normalise to; `None` keeps counts.
    model_genes
        Names of the selected genes.
    missing_genes
        What missing genes cost, where it was measured.
    earlier
        The earlier time point, for a model that reads one.
    """

    X: Any
    source: Source
    scale: Scale
    match: GeneMatch
    fill: np.ndarray
    target_sum: float | None
    model_genes: pd.Index
    missing_genes: MissingGenes | None = None
    earlier: Earlier | None = None

    @property
    def n_obs(self) -> int:
        """How many cells there are."""
        return int(self.X.shape[0])

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """Read cells as the model's input.

        Parameters
        ----------
        rows
            Slice or increasing positions of the cells.

        Returns
        -------
        float32 array `(n_rows, n_selected)`, log1p; with an earlier time point twice as wide, that
        one in the second half.
        """
        if isinstance(rows, slice):
            rows = np.arange(self.n_obs)[rows]
        out = self._filled(len(rows), self.fill[: len(self.model_genes)])
        self._gather(self.X, self.scale, rows, out)
        if self.earlier is None:
            return out
        before = self._filled(len(rows), self.fill[len(self.model_genes) :])
        self._gather(self.earlier.X, self.earlier.scale, rows, before)
        return np.hstack([out, before])

    def _filled(self, n_rows: int, fill: np.ndarray) -> np.ndarray:
        """Make room for cells, with what stands for missing genes."""
        out = np.zeros((n_rows, len(fill)), dtype=np.float32)
        out[:, self.match.missing] = fill[self.match.missing]
        return out

    def _gather(self, X: Any, scale: Scale, rows: np.ndarray, out: np.ndarray) -> None:  # noqa: ANN401
        how = self.match.known, self.match.position, scale.form, self.match.share
        for start in range(0, len(rows), CHUNK_SIZE):
            part = slice(start, start + CHUNK_SIZE)
            chunk = take_rows(X, rows[part])
            to = (*how, self.target_sum or 0.0, out[part])
            if isinstance(chunk, np.ndarray):
                gather_dense(chunk, *to)
            else:
                gather_csr(chunk.data, chunk.indices, chunk.indptr, *to)

    def only(self, rows: np.ndarray) -> BoundInput:
        """Return some cells, at increasing positions, as a copy."""
        earlier = self.earlier
        if earlier is not None:
            earlier = earlier._replace(X=take_rows(earlier.X, rows))
        return replace(self, X=take_rows(self.X, rows), earlier=earlier)

    def expected(self) -> Expected | None:
        """Return what validation cells showed with as many genes."""
        if self.missing_genes is None:
            return None
        share = self.match.missing.size / len(self.model_genes)
        return self.missing_genes.at(share, self.match.missing_share)

    def chunks(self, size: int = CHUNK_SIZE) -> Iterator[tuple[slice, np.ndarray]]:
        """Read all cells, `size` at a time, in their order."""
        for start in range(0, self.n_obs, size):
            rows = slice(start, min(start + size, self.n_obs))
            yield rows, self.read(rows)

    def empty_cells(self) -> np.ndarray:
        """Cells that are empty or nearly so, bool `(n_obs,)`.

        They express fewer than 4 of the genes that the reference had (fewer than one in eight,
        rounded down but at least one, where the query has less than 32 of those).
        """
        empty = np.zeros(self.n_obs, dtype=bool)
        known = self.match.known.astype(np.int64)
        fewest = int(np.clip(known.sum() // _PANEL_GENES, 1, _FEWEST_GENES))
        for start in range(0, self.n_obs, CHUNK_SIZE):
            rows = slice(start, min(start + CHUNK_SIZE, self.n_obs))
            chunk = restored(take_rows(self.X, rows), self.scale)
            empty[rows] = np.asarray((chunk > 0) @ known) < fewest
        return empty

    def warn(self) -> None:
        """Warn when many of the genes that matter are missing."""
        if self.match.missing_share > _WARN_MISSING:
            missing = self.model_genes[self.match.missing]
            found = self.expected()
            cost = "Labels are less certain than the confidence says"
            if found is not None and self.missing_genes is not None:
                whole = self.missing_genes.at(0.0, 0.0)
                cost = (
                    f"Without such genes, {found.accuracy:.0%} of the validation cells got their "
                    f"label; with all of them {whole.accuracy:.0%}"
                )
            warnings.warn(
                f"The query lacks {len(missing)} of the {len(self.model_genes)} genes that the "
                f"model reads ({self.match.missing_share:.0%} of what tells the labels apart), "
                f"such as {', '.join(map(str, missing[:3]))}. {cost}. Check that the gene names "
                "are of the same annotation.",
                stacklevel=4,
            )
        for doubt in doubts_of(self.match.lookup):
            warnings.warn(doubt, stacklevel=4)

    def report(self) -> dict[str, Any]:
        """Say what was found and done, in types that an `.h5ad` file can hold."""
        missing = self.model_genes[self.match.missing]
        accuracy = error = np.nan
        found = self.expected()
        if found is not None and self.missing_genes is not None:
            accuracy, error = found.accuracy, self.missing_genes.error(found.accuracy)
        target = "log1p of counts"
        if self.target_sum is not None:
            target = f"log1p of counts per {self.target_sum:g}"
        return {
            "source": self.source.where,
            "scale": self.scale.name,
            "scale_target_sum": np.nan if self.scale.target_sum is None else self.scale.target_sum,
            "conversion": f"{self.scale} → {target}",
            "n_obs": self.n_obs,
            "n_genes_expected": len(self.model_genes),
            "n_genes_matched": len(self.model_genes) - len(missing),
            "n_genes_missing": len(missing),
            "n_genes_extra": self.match.n_extra,
            "genes_missing": np.asarray(missing.astype(str), dtype=object),
            "missing_importance": self.match.missing_share,
            "expected_accuracy": accuracy,
            "expected_accuracy_error": error,
            **gene_report(self.match.lookup, self.match.position >= 0),
        }
