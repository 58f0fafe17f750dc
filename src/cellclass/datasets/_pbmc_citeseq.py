"""Two sets of blood cells with the same 4,000 genes: a labelled one, and one to be labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from anndata import AnnData

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.datasets._remote import about, fetch_file
from cellclass.io import read_gene_by_cell

if TYPE_CHECKING:
    from pathlib import Path

BARCODE = r"[ACGT]{16}-\d+"
UNKNOWN = "unknown"


def pbmc10k_citeseq() -> AnnData:
    """Load 5,994 labelled blood cells with 4,000 genes and 14 surface proteins.

    Peripheral blood mononuclear cells of a healthy donor (10x Genomics, pbmc_10k_protein_v3), as
    the authors of totalVI prepared them [1]_: without doublets, and with the 4,000 most variable
    genes that `pbmc5k` has, too. The labels were given by hand from the surface proteins [2]_, so
    they do not come from the expression that a classifier reads. Cells that got none
    (`"unknown"`) are left out.

    The first call downloads 3.5 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. 10x Genomics
    publishes its data under CC BY 4.0; the repository with the prepared files states no licence,
    and that with the labels is under GPL-3.

    Returns
    -------
    AnnData `(5994, 4000)` with the fields:

    X : CSR float32 `(5994, 4000)`
        Counts of RNA molecules (UMIs).
    obs["cell_type"] : category
        One of seven labels, 27 to 2,257 cells each.
    obsm["protein_expression"] : DataFrame float32 `(5994, 14)`
        Counts of the surface proteins, as scvi-tools expects them.
    uns["source"], uns["licence"] : str
        Where the cells are from, and under which licence.

    Raises
    ------
    DownloadError
        A file cannot be downloaded, or is not the published one.
    FileFormatError
        A file is not laid out as this function expects.

    References
    ----------
    .. [1] Gayoso et al. (2021), Joint probabilistic modeling of single-cell multi-omic data with
       totalVI, Nature Methods 18, 272.
    .. [2] Wang et al. (2020), BREM-SC: a Bayesian random effects mixture model for joint clustering
       single cell multi-omics data, Nucleic Acids Research 48, 5814.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc10k_citeseq()  # doctest: +SKIP
    """
    adata = _read_cells(fetch_file("pbmc10k_citeseq", "pbmc10k_harmo_rna.csv.gz"))
    path = fetch_file("pbmc10k_citeseq", "pbmc10k_harmo_pro.csv.gz")
    proteins = _read_cells(path).to_df()
    check_layout(
        set(proteins.index) == set(adata.obs_names), path, "its cells are not those of the RNA"
    )
    proteins.columns = [str(name).split("_")[0] for name in proteins.columns]
    path = fetch_file("pbmc10k_citeseq", "truth_10X10k.csv")
    labels = _read_labels(path).reindex(adata.obs_names)
    check_layout(bool(labels.notna().any()), path, "it has no label for any of the cells")

    kept = (labels.notna() & (labels != UNKNOWN)).to_numpy()
    result = adata[kept].copy()
    result.obs["cell_type"] = pd.Categorical(labels[kept])
    result.obsm["protein_expression"] = proteins.loc[result.obs_names]
    result.uns.update(about("pbmc10k_citeseq"))
    return result


def pbmc5k() -> AnnData:
    """Load 3,994 blood cells without labels, with the genes of `pbmc10k_citeseq`.

    Peripheral blood mononuclear cells of a healthy donor (10x Genomics, pbmc_5k_protein_v3), as
    the authors of totalVI prepared them [1]_. Nobody labelled them: use them as a query for a
    model of `pbmc10k_citeseq`, or to pre-train on.

    The first call downloads 2.5 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. 10x Genomics
    publishes its data under CC BY 4.0; the repository with the prepared file states no licence.

    Returns
    -------
    AnnData `(3994, 4000)` with the fields:

    X : CSR float32 `(3994, 4000)`
        Counts of RNA molecules (UMIs).
    uns["source"], uns["licence"] : str
        Where the cells are from, and under which licence.

    Raises
    ------
    DownloadError
        The file cannot be downloaded, or is not the published one.
    FileFormatError
        The file is not laid out as this function expects.

    References
    ----------
    .. [1] Gayoso et al. (2021), Joint probabilistic modeling of single-cell multi-omic data with
       totalVI, Nature Methods 18, 272.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc5k()  # doctest: +SKIP
    """
    adata = _read_cells(fetch_file("pbmc5k", "pbmc5k_harmo_rna.csv.gz"))
    adata.uns.update(about("pbmc5k"))
    return adata


def _read_cells(path: Path) -> AnnData:
    """Read a table of counts whose cells are named by their barcodes."""
    read = read_gene_by_cell(path, orientation="genes_by_cells")
    cells = read.obs_names.astype(str).str.replace(".", "-", regex=False)  # R writes dots for them
    check_layout(
        bool(cells.str.fullmatch(BARCODE).all()),
        path,
        f"its columns are no barcodes of cells, such as {cells[0]!r}",
    )
    return AnnData(
        X=whole_counts(read.X, path),
        obs=pd.DataFrame(index=cells),
        var=pd.DataFrame(index=read.var_names.astype(str)),
    )


def _read_labels(path: Path) -> pd.Series:
    table = pd.read_csv(path, dtype=str)
    check_layout(
        list(table.columns) == ["Barcode", "trueType"] and bool(table["Barcode"].is_unique),
        path,
        f"its columns are {list(table.columns)}, or a barcode stands there twice",
    )
    return table.set_index("Barcode")["trueType"]
