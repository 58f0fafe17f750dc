"""What a contract learns from the training cells: gene ranking and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import scipy.sparse as sp

from cellclass.contract._restore import AS_STORED, restored
from cellclass.contract._rows import is_in_memory, some_chunks, take_rows
from cellclass.kernels import (
    PANEL_BINS,
    Counter,
    bin_rule,
    depths,
    divergences,
    factors_of,
    label_divergences,
    plan_counts,
    round_robin,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cellclass.contract._scale import Scale


#: Reads (as of Smart-seq) run to millions per cell; their logarithms at such depths tell no more.
MOST_DEPTH = 1e4
# Cells of a file that say how large the tables will be.
_SAMPLE = 512


class LearnedGenes(NamedTuple):
    """The genes that networks read, each network those that its own training cells speak for."""

    selected: np.ndarray
    """Positions of the genes of all networks, best first, int64 `(n_selected,)`."""
    importance: np.ndarray
    """Their mean JS divergence (nats), `(n_selected,)`."""
    depth: float
    """Counts to normalise to."""
    of_parts: np.ndarray
    """Places in `selected` of each network's genes, best first, int64 `(n_parts, n)`."""


def learn_genes(
    times: Sequence[tuple[Any, Scale]],
    codes: np.ndarray,
    parts: Sequence[np.ndarray],
    *,
    n_labels: int,
    n_top_genes: int | None,
) -> LearnedGenes:
    """Rank the genes for each network on its own training cells.

    All networks read as many genes, and all of theirs together are `n_top_genes` at most, but one
    each at least. A network with too few cells to tell any gene apart takes the ranking over the
    training cells of all. `times` are the matrices, with their scales, of one time point or several
    of the same cells and genes: of the latter the genes are ranked at each, and taken in turn.
    """
    n_vars = times[0][0].shape[1]

    def rank(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        found = [rank_training_genes(*time, codes, rows, n_labels=n_labels) for time in times]
        return found[0] if len(found) == 1 else _in_turn(found)

    ranked = [rank(rows) for rows in parts]
    orders = [order for order, _, _ in ranked]
    if len(parts) > 1 and not all(order.size for order in orders):
        # Some have too few cells to tell genes apart; those that all have together may do.
        rows = np.unique(np.concatenate(parts))
        together = rank(rows)
        ranked = [own if own[0].size else together for own in ranked]
        orders = [order for order, _, _ in ranked]
    most = min(len(order) for order in orders)
    if n_top_genes is not None:
        most = _most_each(orders, min(most, n_top_genes), n_top_genes)
    orders = [order[:most] for order in orders]
    # Genes that several networks put first come first.
    place = np.full((len(parts), n_vars), most)
    for k, order in enumerate(orders):
        place[k, order] = np.arange(most)
    mean = place.mean(axis=0)
    read = np.flatnonzero(mean < most)
    selected = read[np.argsort(mean[read], kind="stable")]
    where = np.empty(n_vars, dtype=np.int64)
    where[selected] = np.arange(len(selected))
    return LearnedGenes(
        selected=selected,
        importance=np.mean([divergence[selected] for _, divergence, _ in ranked], axis=0),
        depth=float(np.median([depth for *_, depth in ranked])),
        of_parts=np.stack([where[order] for order in orders]),
    )


def _in_turn(
    found: Sequence[tuple[np.ndarray, np.ndarray, float]],
) -> tuple[np.ndarray, np.ndarray, float]:
    """Join the rankings of several time points: the best gene of each in turn; depth of the first.

    A gene counts by the larger of its divergences.
    """
    orders, divergences_, depths_ = zip(*found, strict=True)
    n_vars = len(divergences_[0])
    place = np.full((len(orders), n_vars), n_vars)
    for k, order in enumerate(orders):
        place[k, order] = np.arange(len(order))
    best = place.min(axis=0)
    order = np.argsort(best, kind="stable")
    return order[best[order] < n_vars], np.max(divergences_, axis=0), depths_[0]


def _most_each(orders: list[np.ndarray], most: int, together: int) -> int:
    """Return how many genes each network may read so that all read no more than `together`."""
    if len(orders) == 1:
        return most
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        union = np.unique(np.concatenate([order[:middle] for order in orders]))
        low, high = (middle, high) if len(union) <= together else (low, middle - 1)
    return max(low, min(most, 1))


def rank_training_genes(
    X: Any,  # noqa: ANN401
    scale: Scale,
    codes: np.ndarray,
    rows: np.ndarray,
    *,
    n_labels: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Order the genes by what they tell about the labels, over the training cells alone.

    The order is that of panels: the best gene of each label in turn, by its divergence from the
    rest. Counts are scaled to the median depth and pooled in octaves. Where only normalised values
    are at hand, they are first brought to the depth at which the smallest value of the median cell
    is one count, and rounded. Counts with fractions are rounded.

    Returns
    -------
    order
        int64 array: positions of the genes whose divergence is not 0.
    divergence
        float64 array `(n_vars,)`: JS divergence of each gene over all labels, nats.
    depth
        Counts to normalise to: those of the median cell among those with any, 10,000 at most.
    """
    cells = _TrainingCells(X, scale, rows)
    codes = codes[rows]
    depth = cells.depths()
    factors = factors_of(depth, codes)
    rule = bin_rule(PANEL_BINS, _no_pass)
    some = cells.sample()
    plan = plan_counts(
        cells.counts(some),
        codes[some],
        n_labels,
        rule=rule,
        factors=factors[some],
        n_cells=len(rows),
    )
    counter = Counter(plan)
    for part, chunk in cells.chunks():
        counter.add(chunk, codes[part], factors[part])
    tables = counter.result()
    divergence = divergences(tables)
    labels = label_divergences(tables, n_threads=None)
    order = round_robin(labels.divergence)
    filled = depth[depth > 0]
    median_depth = float(np.median(filled)) if filled.size else 1.0
    return order[divergence[order] > 0], divergence, min(median_depth, MOST_DEPTH)


class _TrainingCells:
    """Rows of a matrix as counts; those of a matrix in memory at once, others some at a time."""

    def __init__(self, X: Any, scale: Scale, rows: np.ndarray) -> None:  # noqa: ANN401
        self.X, self.scale, self.rows = X, scale, rows
        self.has_units = scale.name == "counts"
        self._unit, self._whole = 1.0, None
        if not scale.of_counts and not self.has_units:
            smallest = np.concatenate([_smallest(chunk) for _, chunk in self._linear()])
            self._unit = float(np.median(smallest)) if smallest.size else 1.0
        if is_in_memory(X):
            self._whole = self._as_counts(next(self._linear())[1])

    def chunks(self) -> Iterator[tuple[slice, Any]]:
        """Walk over all of them."""
        if self._whole is not None:
            yield slice(0, len(self.rows)), self._whole
            return
        for part, chunk in self._linear():
            yield part, self._as_counts(chunk)

    def counts(self, places: np.ndarray) -> Any:  # noqa: ANN401
        """Return some of them, at increasing places; all of those in memory."""
        if self._whole is not None:
            return self._whole
        return self._as_counts(restored(take_rows(self.X, self.rows[places]), self.scale))

    def depths(self) -> np.ndarray:
        """Return the counts of each cell, float64 `(n_rows,)`."""
        return np.concatenate([depths(chunk) for _, chunk in self.chunks()])

    def sample(self) -> np.ndarray:
        """Return places of cells that are like all of them: all of those in memory."""
        n = len(self.rows)
        if self._whole is not None or n <= _SAMPLE:
            return np.arange(n)
        return np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.int64))

    def _linear(self) -> Iterator[tuple[slice, Any]]:
        if not is_in_memory(self.X):
            for part, chunk in some_chunks(self.X, self.rows):
                yield part, restored(chunk, self.scale)
        elif self.scale.form == AS_STORED and self.X.dtype.isnative and self.X.dtype != np.float16:
            yield slice(0, len(self.rows)), self.X[self.rows]
        else:
            yield slice(0, len(self.rows)), restored(take_rows(self.X, self.rows), self.scale)

    def _as_counts(self, cells: Any) -> Any:  # noqa: ANN401
        if self.scale.of_counts:
            return cells
        cells = sp.csr_matrix(cells, copy=True)
        cells.eliminate_zeros()
        cells.data = np.rint(cells.data if self.has_units else cells.data / self._unit)
        cells.eliminate_zeros()
        return cells


def _smallest(cells: Any) -> np.ndarray:  # noqa: ANN401
    """Return the smallest value that is not zero of each cell that has any."""
    cells = sp.csr_matrix(cells, copy=True)
    cells.eliminate_zeros()
    filled = np.flatnonzero(np.diff(cells.indptr))
    return np.minimum.reduceat(cells.data, cells.indptr[filled]) if filled.size else np.empty(0)


def _no_pass(*_: object) -> NoReturn:
    raise AssertionError("octaves are known without a look at the values")


def training_gene_share(X: Any, scale: Scale, rows: np.ndarray) -> np.ndarray:  # noqa: ANN401
    """Mean share (0–1) of a training cell's counts that falls on each gene, `(n_vars,)`."""
    share = np.zeros(X.shape[1])
    for _, some in some_chunks(X, rows):
        chunk = restored(some, scale).astype(np.float64, copy=False)
        total = np.asarray(chunk.sum(axis=1)).ravel()
        weight = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        share += chunk.T @ weight
    return share / max(share.sum(), np.finfo(float).tiny)
