"""Real blood cells that are on the disk already, with their counts recovered and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from cellclass.datasets._pbmc68k_file import read_content
from cellclass.errors import ScaleError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

TARGET_SUM = 1e4
ROUNDING = 0.5e-3 + 2e-6  # half of the third decimal, and the float32 of the stored values
SOURCE = (
    "700 of the 68k peripheral blood mononuclear cells (10x Genomics) of Zheng et al. 2017, "
    "doi:10.1038/ncomms14049, as shipped with scanpy (pbmc68k_reduced); counts recovered from "
    "the stored log1p values"
)


def pbmc68k_reduced() -> AnnData:
    """Load 700 labelled blood cells, without the network.

    These are real peripheral blood mononuclear cells [1]_, 700 cells × 765 genes, from the file
    that scanpy ships. The file holds expression as ``log1p(10,000 · counts / n_counts)`` with three
    decimals, where ``n_counts`` runs over all genes of the cell, not only the 765. The counts are
    recovered from it: in every cell the smallest non-zero value belongs to one count, and the
    others are its multiples. Each call verifies this: transformed again, the counts give every
    stored value within its rounding.

    Use it to learn the package and to test code. The labels come from sorting the cells with
    antibodies, and those of the T-cell subsets overlap in expression: no classifier comes near
    an accuracy of 1 on them.

    Returns
    -------
    A new AnnData `(700, 765)` at each call, with the fields:

    X : CSR float32 `(700, 765)`
        ``log1p(10,000 · counts / n_counts)`` in nats, without the rounding of the file.
    layers["counts"] : CSR float32 `(700, 765)`
        Counts: whole numbers up to 259, in the dtype that models compute with.
    obs["cell_type"], obs["bulk_labels"] : category
        The ten labels from sorting, twice: under the name that this documentation uses and under
        that of the file.
    obs["n_counts"] : float32
        Counts per cell over all genes that were measured.
    obs["n_genes"], obs["percent_mito"] : int64, float32
        Genes with counts, and share of the counts that is mitochondrial, 0–1; as in the file.
    obs["S_score"], obs["G2M_score"], obs["phase"], obs["louvain"]
        Cell-cycle scores and phase, and clusters; as in the file.
    obsm["X_pca"] : float32 `(700, 50)`
        Principal components, as stored.
    obsm["X_umap"] : float64 `(700, 2)`
        Embedding, as stored.
    uns["cell_type_colors"], uns["bulk_labels_colors"] : object `(10,)`
        One colour per label, in the order of the categories.
    uns["source"] : str
        Where the cells come from.

    Raises
    ------
    ModuleNotFoundError
        scanpy, which carries the file, is not installed.
    FileNotFoundError
        The installed scanpy does not carry the file.
    ScaleError
        The stored values are not those of log-normalised counts: the file was altered.

    References
    ----------
    .. [1] Zheng et al. (2017), Massively parallel digital transcriptional profiling of single
       cells, Nature Communications 8, 14049.

    Examples
    --------
    >>> import cellclass as cc
    >>> cc.datasets.pbmc68k_reduced().shape
    (700, 765)
    """
    content = read_content()
    obs, colors = content.obs, content.colors
    n_counts = obs["n_counts"].to_numpy(dtype=np.float64)
    counts = recover_counts(content.log1p, n_counts)
    obs["cell_type"] = obs["bulk_labels"]
    adata = AnnData(
        X=_log_normalize(counts, n_counts).astype(np.float32),
        obs=obs,
        obsm=content.obsm,
        layers={"counts": counts.astype(np.float32)},
        uns={
            "bulk_labels_colors": colors,
            "cell_type_colors": colors.copy(),
            "source": SOURCE,
        },
    )
    adata.var_names = content.genes
    return adata


def recover_counts(log1p: sparse.csr_matrix, n_counts: NDArray[np.float64]) -> sparse.csr_matrix:
    """Turn rounded ``log1p(10,000 · counts / n_counts)`` back into counts, or refuse.

    Parameters
    ----------
    log1p
        CSR `(n_obs, n_vars)` in nats, rounded to three decimals.
    n_counts
        Counts per cell over all genes `(n_obs,)`.

    Returns
    -------
    CSR float64 `(n_obs, n_vars)` of whole numbers.

    Raises
    ------
    ScaleError
        A value is further from that of the recovered counts than its rounding, or a cell's
        smallest value is not that of one count.
    """
    counts = log1p.astype(np.float64)
    counts.eliminate_zeros()
    stored, cells = counts.data, np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    of_one_count = np.full(counts.shape[0], np.inf)
    np.minimum.at(of_one_count, cells, np.expm1(stored))
    counts.data = np.rint(np.expm1(stored) / of_one_count[cells])

    # Rounding moves the smallest value of these cells by less than 0.1 %.
    not_one = np.abs(of_one_count * n_counts / TARGET_SUM - 1.0) > 2e-3
    off = np.abs(_log_normalize(counts, n_counts).data - stored) > ROUNDING
    if not_one.any() or off.any():
        raise ScaleError(
            f"Counts cannot be recovered: {off.sum()} of {off.size} stored values are not log1p of "
            f"counts per 10,000, and in {not_one.sum()} of {not_one.size} cells the smallest is "
            "not that of one count. The file that scanpy ships was altered: pip install "
            "--force-reinstall --no-deps scanpy"
        )
    return counts


def _log_normalize(counts: sparse.csr_matrix, n_counts: NDArray[np.float64]) -> sparse.csr_matrix:
    result = counts.copy()
    result.data = np.log1p(counts.data * (TARGET_SUM / np.repeat(n_counts, np.diff(counts.indptr))))
    return result
