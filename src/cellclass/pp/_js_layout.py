"""Order the genes and lay them out as `scanpy.tl.rank_genes_groups` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._keys import (
    COUNT_DISTRIBUTIONS,
    JS_DIVERGENCE,
    JS_PVAL,
    JS_PVAL_ADJ,
    JS_RANK,
    JS_SELECTED,
    LOGFOLDCHANGES,
    NAMES,
    PCT_NZ_GROUP,
    PCT_NZ_REFERENCE,
    PTS,
    PTS_REST,
    PVALS,
    PVALS_ADJ,
    SCORES,
)
from cellclass.kernels import coarse_counts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from cellclass.kernels import CountTables
    from cellclass.pp._js_statistics import LabelScores, PValues
    from cellclass.pp._ranked_cells import RankedCells

_TINY = 1e-9  # scanpy's, added to both means of a fold change
_DRAWN_GENES = 3  # of each label, whose distributions are kept for the picture


def best_first(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order each row by score, the largest first and of equal ones the first.

    Parameters
    ----------
    scores
        float `(n_labels, n_vars)`, compared as the float32 that scanpy's layout stores.

    Returns
    -------
    int64 array of that shape: positions of the genes.
    """
    # One integer holds score and position: sorting these takes a tenth of a stable argsort.
    bits = (np.float32(0) - scores.astype(np.float32)).view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    keys = ascending.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(scores.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def round_robin(scores: NDArray[np.floating], n_genes: int) -> NDArray[np.int64]:
    """Take the best gene of each label in turn, then the second best of each, and so on.

    What tells a label from the rest may be up or down in it, so the sign of the score is no matter.
    A gene that another label has brought in is not replaced.
    """
    n_labels, n_vars = scores.shape
    turn = np.empty((n_labels, n_vars), dtype=np.int64)
    turns = np.arange(n_vars) * n_labels
    np.put_along_axis(turn, best_first(np.abs(scores)), turns[None, :], axis=1)
    turn += np.arange(n_labels)[:, None]
    return np.argsort(turn.min(axis=0))[:n_genes]


def gene_columns(
    divergence: NDArray[np.float64],
    found: LabelScores,
    tests: PValues,
    n_top_genes: int | None,
    top_by: str,
) -> dict[str, NDArray[Any]]:
    """Return the columns of `.var`; all genes are selected where no number of them is given."""
    n_vars = divergence.size
    best = np.argsort(-divergence, kind="stable")
    rank = np.empty(n_vars, dtype=np.int64)
    rank[best] = np.arange(n_vars)
    selected = np.full(n_vars, n_top_genes is None)
    if n_top_genes is not None:
        top = best[:n_top_genes] if top_by == "overall" else round_robin(found.scores, n_top_genes)
        selected[top] = True
    return {
        JS_DIVERGENCE: divergence,
        JS_RANK: rank,
        JS_SELECTED: selected,
        JS_PVAL: tests.pvals,
        JS_PVAL_ADJ: tests.pvals_adj,
    }


def label_weights(cells: RankedCells, weights: str | NDArray[np.float64]) -> pd.DataFrame:
    """Return the cells and the weight of each label."""
    n_cells = cells.n_cells
    if isinstance(weights, str):
        uniform = np.full(n_cells.size, 1 / n_cells.size)
        weights = uniform if weights == "uniform" else n_cells / n_cells.sum()
    return pd.DataFrame({"n_cells": n_cells, "weight": weights}, index=cells.labels)


def scanpy_layout(
    genes: pd.Index,
    labels: list[str],
    found: LabelScores,
    tests: PValues,
    order: NDArray[np.int64],
    n_genes: int | None,
) -> dict[str, Any]:
    """Lay out the first `n_genes` of each label as record arrays with a field for each label.

    The data frames of detection have a column for each label. No file can hold a column with a
    slash in its name, so they are left out where a label has one; `rank_genes_groups` of scanpy
    has them as an option only.
    """
    order = order[:, :n_genes]
    places = order + genes.size * np.arange(len(labels))[:, None]

    def sorted_by_score(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values.ravel().take(places)

    mean, mean_rest = sorted_by_score(found.mean), sorted_by_score(found.mean_rest)
    columns: dict[str, tuple[NDArray[Any], DTypeLike]] = {
        NAMES: (genes.to_numpy(dtype=object).take(order), object),
        SCORES: (sorted_by_score(found.scores), np.float32),
        PVALS: (sorted_by_score(tests.label_pvals), np.float64),
        PVALS_ADJ: (sorted_by_score(tests.label_pvals_adj), np.float64),
        LOGFOLDCHANGES: (np.log2((mean + _TINY) / (mean_rest + _TINY)), np.float32),
        PCT_NZ_GROUP: (sorted_by_score(found.detected), np.float64),
        PCT_NZ_REFERENCE: (sorted_by_score(found.detected_rest), np.float64),
    }
    layout: dict[str, Any] = {}
    for name, (values, dtype) in columns.items():
        records = np.recarray(order.shape[1], dtype=[(label, dtype) for label in labels])
        for label, row in zip(labels, values, strict=True):
            records[label] = row
        layout[name] = records
    if not any("/" in label for label in labels):
        for name, values in {PTS: found.detected, PTS_REST: found.detected_rest}.items():
            layout[name] = pd.DataFrame(values.T, index=genes, columns=labels)
    return layout


def drawn_distributions(
    tables: CountTables,
    genes: pd.Index,
    order: NDArray[np.int64],
    n_batches: int,
    lowest_counts: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Keep the distributions of the best genes of each label, for `cc.pl.rank_genes_js`."""
    best = pd.unique(order[:, :_DRAWN_GENES].ravel())
    lowest, cells = coarse_counts(tables, best, bin_values=lowest_counts)
    by_batch = cells.reshape(best.size, n_batches, -1, lowest.size)
    return {
        COUNT_DISTRIBUTIONS: {
            "genes": genes.to_numpy(dtype=object)[best],
            "genes_per_label": _DRAWN_GENES,
            "lowest_counts": lowest,
            "n_cells": by_batch.sum(axis=1),
        }
    }
