"""More clusters than there are cell types, for a vote within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from cellclass._checks import check_anndata, matrix_of
from cellclass.pp import normalize_scale

if TYPE_CHECKING:
    from scipy import sparse

_FEWEST_CELLS = 10
_N_NEIGHBORS = 15
_N_COMPONENTS = 50
_N_GENES = 2000
# The resolution up to a number of cells, as CellTypist has it.
_RESOLUTIONS = ((5_000, 5.0), (20_000, 10.0), (40_000, 15.0), (100_000, 20.0), (200_000, 25.0))
_HIGHEST_RESOLUTION = 30.0


def over_cluster(
    adata: AnnData, *, layer: str | None, resolution: float | None, seed: int
) -> tuple[np.ndarray, float]:
    """Cluster cells finely, with scanpy's Leiden method; nothing is written to `adata`.

    Uses the neighbour graph of `sc.pp.neighbors` where there is one, else `obsm["X_pca"]`, else 50
    principal components of the 2000 most variable genes after log-normalisation.

    Returns
    -------
    clusters, resolution
        Names of the clusters, str `(n_obs,)`, and the resolution that was used.
    """
    try:
        import igraph  # noqa: F401 - scanpy imports it when it clusters
    except ImportError as error:
        error.add_note(
            "Clusters are made with igraph: pip install 'cellclass[clusters]'. Or name a column "
            "of obs that has them: cc.tl.majority_vote(adata, 'leiden')."
        )
        raise
    if adata.n_obs < _FEWEST_CELLS:
        raise ValueError(
            f"{adata.n_obs} cells are too few to cluster; {_FEWEST_CELLS} are needed. Name a "
            "column of obs with groups: cc.tl.majority_vote(adata, groups_key)."
        )
    import scanpy as sc

    if resolution is None:
        fits = [value for most, value in _RESOLUTIONS if adata.n_obs < most]
        resolution = fits[0] if fits else _HIGHEST_RESOLUTION
    bare = AnnData(obs=adata.obs[[]].copy())
    sc.tl.leiden(
        bare,
        resolution=resolution,
        adjacency=_graph(adata, layer, seed),
        flavor="igraph",
        n_iterations=2,
        directed=False,
        random_state=seed,
        key_added="cluster",
    )
    return bare.obs["cluster"].to_numpy(dtype=str), resolution


def _graph(adata: AnnData, layer: str | None, seed: int) -> sparse.csr_matrix:
    """Weights between neighbours, sparse `(n_obs, n_obs)`."""
    import scanpy as sc

    graph = adata.obsp.get(adata.uns.get("neighbors", {}).get("connectivities_key"))
    if layer is None and graph is not None:
        return graph
    bare = AnnData(obs=adata.obs[[]].copy())
    known = layer is None and "X_pca" in adata.obsm
    bare.obsm["X_pca"] = np.asarray(adata.obsm["X_pca"]) if known else _pca(adata, layer, seed)
    sc.pp.neighbors(
        bare, n_neighbors=min(_N_NEIGHBORS, adata.n_obs - 1), use_rep="X_pca", random_state=seed
    )
    return bare.obsp["connectivities"]


def _pca(adata: AnnData, layer: str | None, seed: int) -> np.ndarray:
    """Principal components of the most variable genes, float `(n_obs, n_components)`."""
    import scanpy as sc

    check_anndata(adata)
    if adata.isbacked:
        raise ValueError(
            "Clusters cannot be made of an AnnData that is backed by a file. Name a column of obs "
            "that has them: cc.tl.majority_vote(adata, groups_key)."
        )
    cells = AnnData(
        matrix_of(adata, layer).copy(), obs=adata.obs[[]].copy(), var=adata.var[[]].copy()
    )
    normalize_scale(cells)
    if cells.n_vars > _N_GENES:
        sc.pp.highly_variable_genes(cells, n_top_genes=_N_GENES)
        cells = cells[:, cells.var["highly_variable"]].copy()
    n_components = min(_N_COMPONENTS, cells.n_vars - 1, cells.n_obs - 1)
    sc.pp.pca(cells, n_comps=n_components, random_state=seed)
    return cells.obsm["X_pca"]
