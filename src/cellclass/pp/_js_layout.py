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
from cellclass.kernels import coarse_counts, round_robin

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from cellclass.kernels import CountTables
    from cellclass.pp._js_statistics import LabelScores, PValues
    from cellclass.pp._ranked_cells import RankedCells

_TINY = 1e-9  # scanpy's, added to both means of a fold change
_DRAWN_GENES = 3  # of each label, whose distributions are kept for the picture


def gene_columns(
    divergence: NDArray[np.float64],
    tests: PValues,
    n_top_genes: int | None,
    panel_scores: NDArray[np.float64] | None,
) -> dict[str, NDArray[Any]]:
    """Return the columns of `.var`; all genes are selected where no number of them is given.

    Else those are, that the labels take in turn by their scores `(n_labels, n_vars)`, or where
    there are none of these, the ones of largest divergence.
    """
    n_vars = divergence.size
    best = np.argsort(-divergence, kind="stable")
    rank = np.empty(n_vars, dtype=np.int64)
    rank[best] = np.arange(n_vars)
    selected = np.full(n_vars, n_top_genes is None)
    if n_top_genes is not None:
        order = best if panel_scores is None else round_robin(panel_scores)
        selected[order[:n_top_genes]] = True
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
