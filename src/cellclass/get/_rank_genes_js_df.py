"""Data frames of a gene ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_whole, near
from cellclass._keys import (
    COUNT_DISTRIBUTIONS,
    JS_RANK,
    LABEL_WEIGHTS,
    LOGFOLDCHANGES,
    NAMES,
    PCT_NZ_GROUP,
    PCT_NZ_REFERENCE,
    PVALS,
    PVALS_ADJ,
    RANK_GENES_JS,
    RANKING,
    SCORES,
)
from cellclass.errors import GeneError

if TYPE_CHECKING:
    from anndata import AnnData

_OF_A_LABEL = (NAMES, SCORES, LOGFOLDCHANGES, PVALS, PVALS_ADJ, PCT_NZ_GROUP, PCT_NZ_REFERENCE)


def rank_genes_js_df(
    adata: AnnData,
    *,
    label: str | None = None,
    table: Literal["ranking", "distributions"] = "ranking",
    n_genes: int | None = None,
    key: str = RANK_GENES_JS,
) -> pd.DataFrame:
    """Return what `cc.pp.rank_genes_js` wrote, the best genes first.

    Parameters
    ----------
    adata
        AnnData with a ranking. Genes that were dropped since are left out; the others keep their
        ranks.
    label
        The label whose ranking against the rest to return; over all labels by default.
    table
        ``"ranking"``, or ``"distributions"`` of the counts of the few genes for which they were
        kept: the best of each label, or of `label` only.
    n_genes
        How many genes to return; all that there are by default.
    key
        The `key_added` of `rank_genes_js`.

    Returns
    -------
    DataFrame `(n_genes, 6)` with `names`, `js_divergence` (nats), `js_rank` (0 is best),
    `js_selected`, `js_pval` and `js_pval_adj`.

    With `label`: DataFrame `(n_genes, 7)` with `names`, `scores` (signed divergence, nats),
    `logfoldchanges` (log2), `pvals`, `pvals_adj`, `pct_nz_group` and `pct_nz_reference` (0–1).

    With ``table="distributions"``: one row for each gene, label and range of counts, with `names`,
    `label`, `lowest_count` (of the range), `n_cells` and `share` of the label's cells (0–1).

    Raises
    ------
    KeyError
        There is no ranking under `key`, or no such label in it.
    GeneError
        Genes were renamed or added since the ranking.
    ValueError
        `n_genes` is less than 1, or there is no such `table`.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts", weights="frequency")
    >>> cc.get.rank_genes_js_df(adata, n_genes=2)["names"].tolist()
    ['CD74', 'CST3']
    >>> cc.get.rank_genes_js_df(adata, label="CD19+ B", n_genes=2)["names"].tolist()
    ['CD79A', 'CD74']
    """
    if n_genes is not None:
        check_whole(n_genes, "n_genes", 1)
    if key not in adata.uns or RANKING not in adata.uns[key]:
        raise KeyError(
            f"There is no ranking under key={key!r}. Call "
            f"cc.pp.rank_genes_js(adata, groupby, key_added={key!r}) first."
        )
    entry = adata.uns[key]
    new = ~adata.var_names.isin(entry[RANKING].index)
    if new.any():
        raise GeneError(
            f"{new.sum()} of {adata.n_vars} genes, such as {adata.var_names[new][0]!r}, were not "
            f"ranked under key={key!r}. Call cc.pp.rank_genes_js again."
        )
    labels = [str(name) for name in entry[LABEL_WEIGHTS].index]
    if label is not None and label not in labels:
        raise KeyError(
            f"label={label!r} is not in the ranking under key={key!r}. Labels: "
            f"{near(str(label), labels)}."
        )
    if table == "ranking":
        if label is None:
            frame = entry[RANKING].loc[adata.var_names].sort_values(JS_RANK)
            frame = frame.reset_index(names=NAMES)
        else:
            frame = _of_a_label(adata, entry, label)
        return frame.head(adata.n_vars if n_genes is None else n_genes)
    if table != "distributions":
        raise ValueError(f'table={table!r} is neither "ranking" nor "distributions".')
    return _distributions(adata, entry, labels, label, n_genes)


def _of_a_label(adata: AnnData, entry: dict[str, Any], label: str) -> pd.DataFrame:
    frame = pd.DataFrame({name: entry[name][label] for name in _OF_A_LABEL})
    return frame[frame[NAMES].isin(adata.var_names)].reset_index(drop=True)


def _distributions(
    adata: AnnData,
    entry: dict[str, Any],
    labels: list[str],
    label: str | None,
    n_genes: int | None,
) -> pd.DataFrame:
    kept = entry[COUNT_DISTRIBUTIONS]
    genes = pd.Index(np.asarray(kept["genes"], dtype=object).astype(str))
    if label is None:
        chosen = genes[genes.isin(adata.var_names)]
    else:
        best = pd.Index(entry[NAMES][label][: int(kept["genes_per_label"])])
        chosen = best[best.isin(adata.var_names)]
    chosen = chosen[:n_genes]
    n_cells = np.asarray(kept["n_cells"])[genes.get_indexer(chosen)]
    index = pd.MultiIndex.from_product(
        [chosen, labels, kept["lowest_counts"]], names=[NAMES, "label", "lowest_count"]
    )
    share = n_cells / np.maximum(n_cells.sum(axis=2, keepdims=True), 1)
    frame = pd.DataFrame({"n_cells": n_cells.ravel(), "share": share.ravel()}, index=index)
    return frame.reset_index()
