"""Three cell lines, each measured with two technologies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anndata as ad
import numpy as np
import pandas as pd

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.datasets._remote import about, fetch_file
from cellclass.io import read_gene_by_cell

if TYPE_CHECKING:
    from pathlib import Path

TECHNOLOGIES: Final = {"CEL-seq2": "sc_celseq2", "Drop-seq": "sc_dropseq"}
LINE, KIND, SINGLET = "cell_line_demuxlet", "demuxlet_cls", "SNG"


def celllines3_2tech() -> ad.AnnData:
    """Load 450 cells of three lung cancer lines, measured by CEL-seq2 and Drop-seq.

    The lines H1975, H2228 and HCC827 were mixed and told apart by their genotypes [1]_, so the
    labels owe nothing to expression. Any sensible classifier gets them all right: use them to
    test exactness, and whether a model of one technology holds up on the other. Cells that the
    genotypes show to be doublets are left out, and genes that one of the two tables lacks or that
    no cell has.

    The first call downloads 3.4 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. The files are
    under the MIT licence.

    Returns
    -------
    AnnData `(450, 15067)` with the fields:

    X : CSR float32 `(450, 15067)`
        Counts of RNA molecules (UMIs).
    obs["cell_type"] : category
        The line: `"H1975"`, `"H2228"` or `"HCC827"`.
    obs["tech"] : category
        `"CEL-seq2"` (240 cells) or `"Drop-seq"` (210 cells).
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
    .. [1] Tian et al. (2019), Benchmarking single cell RNA-sequencing analysis pipelines using
       mixture control experiments, Nature Methods 16, 479.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.celllines3_2tech()  # doctest: +SKIP
    """
    parts = [_read_technology(tech, name) for tech, name in TECHNOLOGIES.items()]
    first, second = (part.var_names for part in parts)
    genes = first[first.isin(second)]
    adata = ad.concat([part[:, genes] for part in parts])
    adata = adata[:, np.asarray(adata.X.sum(axis=0)).ravel() > 0].copy()
    for column in ("cell_type", "tech"):
        adata.obs[column] = adata.obs[column].astype("category")
    adata.uns.update(about("celllines3_2tech"))
    return adata


def _read_technology(tech: str, name: str) -> ad.AnnData:
    path = fetch_file("celllines3_2tech", f"{name}.count.csv.gz")
    read = read_gene_by_cell(path, orientation="genes_by_cells")
    cells = _read_cells(fetch_file("celllines3_2tech", f"{name}.metadata.csv.gz"))
    check_layout(
        set(read.obs_names) <= set(cells.index),
        path,
        "its cells are not those of the table of lines, "
        f"{list(read.obs_names[:2])} against {list(cells.index[:2])}",
    )
    cells = cells.loc[read.obs_names]
    kept = (cells[KIND] == SINGLET).to_numpy()
    return ad.AnnData(
        X=whole_counts(read.X, path)[kept],
        obs=pd.DataFrame(
            {"cell_type": cells.loc[kept, LINE].to_numpy(), "tech": tech},
            index=[f"{tech}_{cell}" for cell in read.obs_names[kept]],
        ),
        var=pd.DataFrame(index=read.var_names.astype(str)),
    )


def _read_cells(path: Path) -> pd.DataFrame:
    """Read the table of cells; R leaves out the name of the column with their names, or not."""
    table = pd.read_csv(path)
    if isinstance(table.index, pd.RangeIndex):
        table = table.set_index(table.columns[0])
    table.index = table.index.astype(str)
    check_layout(
        {LINE, KIND} <= set(table.columns) and table.index.is_unique,
        path,
        f"its columns are {list(table.columns)}, or a cell stands there twice",
    )
    return table
