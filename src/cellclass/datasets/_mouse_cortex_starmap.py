"""Cells of the mouse prefrontal cortex, seen in place with 166 genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.datasets._remote import about, fetch_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

GENES, CLUSTERS, BATCHES = "row_attrs/Gene", "col_attrs/Clusters", "col_attrs/BatchID"
PLACES = "col_attrs/Spatial_coordinates"


def mouse_cortex_starmap() -> AnnData:
    """Load 3,704 cells of the mouse prefrontal cortex with 166 genes and their places, by STARmap.

    Molecules of 166 genes were sequenced in place, in sections of the medial prefrontal cortex
    [1]_. Use it as a query that is measured otherwise than the reference: by a panel of genes, in
    place, without dissociating the tissue.

    The first call downloads 0.5 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. The licence
    of the file is not stated.

    Returns
    -------
    AnnData `(3704, 166)` with the fields:

    X : CSR float32 `(3704, 166)`
        Counts of molecules.
    obs["cell_type"] : category
        The clusters of the file.
    obs["batch"] : category
        The file's batches of sections.
    obsm["spatial"] : float64 `(3704, 2)`
        Place in the section, as stored.
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
    .. [1] Wang et al. (2018), Three-dimensional intact-tissue sequencing of single-cell
       transcriptional states, Science 361, eaat5691.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.mouse_cortex_starmap()  # doctest: +SKIP
    """
    path = fetch_file("mouse_cortex_starmap", "mpfc-starmap.loom")
    with h5py.File(path, "r") as file:
        missing = [
            name for name in ("matrix", GENES, CLUSTERS, BATCHES, PLACES) if name not in file
        ]
        check_layout(not missing, path, f"it has no {missing}")
        genes, clusters, batches = (_text(file[name]) for name in (GENES, CLUSTERS, BATCHES))
        matrix, places = file["matrix"][:], file[PLACES][:]
    check_layout(
        matrix.shape == (genes.size, clusters.size) and places.shape == (clusters.size, 2),
        path,
        f"the matrix is {matrix.shape}, with {genes.size} genes, {clusters.size} cells and "
        f"places {places.shape}",
    )
    return AnnData(
        X=whole_counts(matrix.T, path),
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical(clusters), "batch": pd.Categorical(batches)},
            index=[f"starmap_{cell}" for cell in range(clusters.size)],
        ),
        var=pd.DataFrame(index=genes),
        obsm={"spatial": places.astype(np.float64)},
        uns=about("mouse_cortex_starmap"),
    )


def _text(values: h5py.Dataset) -> NDArray[np.object_]:
    """Return an attribute as text, also one that is stored as numbers or as a column."""
    read = values.asstr()[:] if values.dtype.kind in "OS" else values[:]
    return np.array([str(value) for value in np.ravel(read)], dtype=object)
