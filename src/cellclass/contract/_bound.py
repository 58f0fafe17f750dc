"""A query that has passed the contract: rows of it can be read as the model's input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from cellclass._warn import warn
from cellclass.contract._ahead import ahead
from cellclass.contract._gene_report import gene_report
from cellclass.contract._genes import doubts_of
from cellclass.contract._restore import restored
from cellclass.contract._rows import CHUNK_SIZE, is_in_memory, some_chunks, take_rows
from cellclass.contract._verdict import number
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


class ReadCells(NamedTuple):
    """Some cells as the model's input."""

    places: slice
    """Which of those that were asked for."""
    x: np.ndarray
    """Model input, float32 `(n_rows, n_inputs)`."""
    empty: np.ndarray
    """Which are empty or nearly so, bool `(n_rows,)`."""


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

    @property
    def n_bytes(self) -> int:
        """How much memory the matrix takes; 0 for one in a file or yet to be computed."""
        if not is_in_memory(self.X):
            return 0
        arrays = (self.X.data, self.X.indices, self.X.indptr) if sp.issparse(self.X) else (self.X,)
        return sum(array.nbytes for array in arrays)

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
        out = np.empty((len(rows), len(self.fill)), dtype=np.float32)
        times = [(self.X, self.scale)]
        if self.earlier is not None:
            times.append(self.earlier)
        n = len(self.model_genes)
        for start in range(0, len(rows), CHUNK_SIZE):
            part = slice(start, start + CHUNK_SIZE)
            for k, (X, scale) in enumerate(times):
                own = slice(k * n, (k + 1) * n)
                chunk = take_rows(X, rows[part])
                out[part, own] = self._input_of(chunk, scale, self.fill[own])[0]
        return out

    def cells(
        self, rows: np.ndarray | None = None, *, size: int = CHUNK_SIZE
    ) -> Iterator[ReadCells]:
        """Walk over cells; those in a file are read while the caller works on the ones before.

        Parameters
        ----------
        rows
            Increasing positions of the cells; `None` for all.
        size
            How many at a time, at most.
        """
        rows = np.arange(self.n_obs) if rows is None else rows
        found = self._cells(rows, size)
        return found if is_in_memory(self.X) else ahead(found)

    def _cells(self, rows: np.ndarray, size: int) -> Iterator[ReadCells]:
        n = len(self.model_genes)
        for places, chunk in some_chunks(self.X, rows, size=size):
            x, n_expressed = self._input_of(chunk, self.scale, self.fill[:n])
            if self.earlier is not None:
                before = take_rows(self.earlier.X, rows[places])
                x = np.hstack([x, self._input_of(before, self.earlier.scale, self.fill[n:])[0]])
            yield ReadCells(places, x, n_expressed < self._fewest)

    def convert(self, chunk: sp.csr_matrix | np.ndarray) -> np.ndarray:
        """Bring rows of a matrix of the same genes and scale to the model's input.

        Parameters
        ----------
        chunk
            CSR, or C-ordered dense, `(n_rows, n_query_genes)`.

        Returns
        -------
        float32 array `(n_rows, n_selected)`.
        """
        return self._input_of(take_rows(chunk, slice(None)), self.scale, self.fill)[0]

    def mean(self, rows: np.ndarray) -> np.ndarray:
        """Mean of the model's input over cells at increasing positions, float64 `(n_inputs,)`."""
        total = np.zeros(len(self.fill))
        for found in self.cells(rows):
            total += found.x.sum(axis=0, dtype=np.float64)
        return total / max(len(rows), 1)

    def _input_of(
        self, chunk: sp.csr_matrix | np.ndarray, scale: Scale, fill: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows as the model reads them at one time point, and how many genes they express.

        The first is float32 `(n_rows, n_selected)`, the second int64 `(n_rows,)` of known genes.
        """
        out = np.zeros((chunk.shape[0], len(fill)), dtype=np.float32)
        out[:, self.match.missing] = fill[self.match.missing]
        how = self.match.known, self.match.position, scale.form, self.match.share
        to = (*how, self.target_sum or 0.0, out)
        if isinstance(chunk, np.ndarray):
            return out, gather_dense(chunk, *to)
        return out, gather_csr(chunk.data, chunk.indices, chunk.indptr, *to)

    @property
    def _fewest(self) -> int:
        """How many of the known genes a cell has to express not to be empty."""
        return int(np.clip(self.match.known.sum() // _PANEL_GENES, 1, _FEWEST_GENES))

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
        for found in self.cells(size=size):
            yield found.places, found.x

    def empty_cells(self) -> np.ndarray:
        """Cells that are empty or nearly so, bool `(n_obs,)`.

        They express fewer than 4 of the genes that the reference had (fewer than one in eight,
        rounded down but at least one, where the query has less than 32 of those).
        """
        known = self.match.known.astype(np.int64)
        found = [
            np.asarray((restored(chunk, self.scale) > 0) @ known) < self._fewest
            for _, chunk in some_chunks(self.X, np.arange(self.n_obs))
        ]
        return np.concatenate(found)

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
            warn(
                f"The query lacks {len(missing)} of the {len(self.model_genes)} genes that the "
                f"model reads ({self.match.missing_share:.0%} of what tells the labels apart), "
                f"such as {', '.join(map(str, missing[:3]))}. {cost}. Check that the gene names "
                "are of the same annotation. If they are, a model of the genes that both have, "
                "reference[:, reference.var_names.isin(query.var_names)], sees more of the cells "
                "that are novel, and calls more of the known ones novel.",
            )
        for doubt in doubts_of(self.match.lookup):
            warn(doubt)

    def report(self) -> dict[str, Any]:
        """Say what was found and done, in types that an `.h5ad` file can hold."""
        missing = self.model_genes[self.match.missing]
        accuracy = error = np.nan
        found = self.expected()
        if found is not None and self.missing_genes is not None:
            accuracy, error = found.accuracy, self.missing_genes.error(found.accuracy)
        target = "log1p of counts"
        if self.target_sum is not None:
            target = f"log1p of counts per {number(self.target_sum)}"
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
