"""AnnData with genes in rows and cells in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass.errors import GeneError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def refuse_transposed(adata: AnnData, genes: pd.Index) -> None:
    """Raise where the genes that a model reads are the names of the cells.

    Parameters
    ----------
    adata
        The query.
    genes
        Names of the genes that the model reads.

    Raises
    ------
    GeneError
        More than a tenth of them, and more than are in `var_names`, are in `obs_names`.
    """
    if not hasattr(adata, "obs_names"):
        return
    n_cells = int(genes.isin(adata.obs_names).sum())
    if 10 * n_cells > len(genes) and n_cells > int(genes.isin(adata.var_names).sum()):
        raise GeneError(
            f"The query looks transposed: {n_cells} of the {len(genes)} genes that the model reads "
            "are names of cells (obs_names), and AnnData holds cells in rows and genes in columns. "
            "Turn it round: adata = adata.T.copy()."
        )
