"""Cells of the mouse bladder with all genes, and without their names."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.datasets._remote import about, fetch_file


def mouse_bladder() -> AnnData:
    """Load 2,100 cells of the mouse bladder with 19,079 genes, by Microwell-seq.

    Cells of the Mouse Cell Atlas [1]_, as the authors of scDeepCluster chose them. All genes that
    any of them has are there, and 16 labels, the rarest with 8 cells: use it to test speed and
    rare labels. **The file names neither genes nor labels**; they bear their numbers in the file,
    so nothing can be looked up. The labels come from clustering the same expression, so small
    differences in accuracy mean little.

    The first call downloads 4.2 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. The repository
    with the file is under the Apache licence 2.0.

    Returns
    -------
    AnnData `(2100, 19079)` with the fields:

    X : CSR float32 `(2100, 19079)`
        Counts of RNA molecules (UMIs).
    obs["cell_type"] : category
        One of 16 labels, `"cluster_01"` …, 8 to 550 cells each.
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
    .. [1] Han et al. (2018), Mapping the Mouse Cell Atlas by Microwell-seq, Cell 172, 1091.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.mouse_bladder()  # doctest: +SKIP
    """
    path = fetch_file("mouse_bladder", "mouse_bladder_cell_select_2100.h5")
    with h5py.File(path, "r") as file:
        check_layout({"X", "Y"} <= set(file), path, f"it holds {sorted(file)}, not X and Y")
        counts, codes = file["X"][:], np.ravel(file["Y"][:])
    check_layout(
        counts.ndim == 2 and len(counts) == len(codes) and bool((codes == np.rint(codes)).all()),
        path,
        f"X is {counts.shape}, and Y are not as many whole numbers",
    )
    genes = np.flatnonzero(counts.any(axis=0))
    return AnnData(
        X=whole_counts(counts[:, genes], path),
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical([f"cluster_{code:02d}" for code in codes.astype(int)])},
            index=[f"cell_{cell}" for cell in range(len(codes))],
        ),
        var=pd.DataFrame(index=[f"gene_{gene:05d}" for gene in genes]),
        uns=about("mouse_bladder"),
    )
