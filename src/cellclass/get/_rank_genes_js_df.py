"""Data frame of a gene ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._keys import JS_RANK, RANK_GENES_JS, RANKING
from cellclass.errors import GeneError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def rank_genes_js_df(
    adata: AnnData, *, n_genes: int | None = None, key: str = RANK_GENES_JS
) -> pd.DataFrame:
    """Return what `cc.pp.rank_genes_js` wrote, the best genes first.

    Parameters
    ----------
    adata
        AnnData with a ranking. Genes that were dropped since are left out; the others keep their
        ranks.
    n_genes
        How many genes to return; all by default.
    key
        The `key_added` of `rank_genes_js`.

    Returns
    -------
    DataFrame `(n_genes, 4)` with `names`, `js_divergence` (nats), `js_rank` (0 is best) and
    `js_selected`.

    Raises
    ------
    KeyError
        There is no ranking under `key`.
    GeneError
        Genes were renamed or added since the ranking.
    ValueError
        `n_genes` is less than 1.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts")
    >>> cc.get.rank_genes_js_df(adata, n_genes=2)["names"].tolist()
    ['CD74', 'FTL']
    """
    if n_genes is not None and n_genes < 1:
        raise ValueError(f"n_genes={n_genes} is less than 1.")
    if key not in adata.uns or RANKING not in adata.uns[key]:
        raise KeyError(
            f"There is no ranking under key={key!r}. Call "
            f"cc.pp.rank_genes_js(adata, groupby, key_added={key!r}) first."
        )
    ranking = adata.uns[key][RANKING]
    new = ~adata.var_names.isin(ranking.index)
    if new.any():
        raise GeneError(
            f"{new.sum()} of {adata.n_vars} genes, such as {adata.var_names[new][0]!r}, were not "
            f"ranked under key={key!r}. Call cc.pp.rank_genes_js again."
        )
    frame = ranking.loc[adata.var_names].sort_values(JS_RANK)
    return frame.reset_index(names="names").head(adata.n_vars if n_genes is None else n_genes)
