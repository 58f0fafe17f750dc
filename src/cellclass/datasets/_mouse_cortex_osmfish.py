"""Cells of the mouse cortex, seen in place with 33 genes."""

from __future__ import annotations

import warnings
from typing import Final

import anndata as ad
import numpy as np
import pandas as pd

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.datasets._remote import about, fetch_file

LABELS: Final = {
    "Astrocytes": ("Astrocyte Gfap", "Astrocyte Mfge8"),
    "Endothelials": ("Endothelial", "Endothelial 1"),
    "Inhibitory": (
        "Inhibitory CP",
        "Inhibitory Cnr1",
        "Inhibitory Crhbp",
        "Inhibitory IC",
        "Inhibitory Kcnip2",
        "Inhibitory Pthlh",
        "Inhibitory Vip",
    ),
    "Microglias": ("Microglia", "Perivascular Macrophages"),
    "Oligodendrocytes": (
        "Oligodendrocyte COP",
        "Oligodendrocyte MF",
        "Oligodendrocyte Mature",
        "Oligodendrocyte NF",
        "Oligodendrocyte Precursor cells",
    ),
    "Pyramidals": (
        "Hippocampus",
        "Pyramidal Cpne5",
        "Pyramidal Kcnip2",
        "Pyramidal L2-3",
        "Pyramidal L2-3 L5",
        "Pyramidal L3-4",
        "Pyramidal L5",
        "Pyramidal L6",
        "pyramidal L4",
    ),
}
"""Clusters of the paper in each label, as scvi-tools groups them; other clusters are left out."""


def mouse_cortex_osmfish() -> ad.AnnData:
    """Load 4,530 cells of the mouse cortex with 33 genes and their places, by osmFISH.

    Molecules of 33 genes were counted under the microscope in a section of the somatosensory
    cortex [1]_. With so few genes a cell's total says little, and scaling counts to a fixed total
    distorts them: use it to test what a method does with a small panel.

    The labels are those of the paper's clusters, put together to six types as scvi-tools does;
    cells of other clusters (ependymal, vascular, choroid plexus, excluded ones) are left out.

    The first call downloads 1.5 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. The licence
    of the file is not stated.

    Returns
    -------
    AnnData `(4530, 33)` with the fields:

    X : CSR float32 `(4530, 33)`
        Counts of molecules.
    obs["cell_type"] : category
        One of six labels, 127 to 2,092 cells each.
    obs["cluster"] : category
        The label as it stands in the file.
    obsm["spatial"] : float64 `(4530, 2)`
        Place in the section, as stored, in pixels.
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
    .. [1] Codeluppi et al. (2018), Spatial organization of the somatosensory cortex revealed by
       osmFISH, Nature Methods 15, 932.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.mouse_cortex_osmfish()  # doctest: +SKIP
    """
    path = fetch_file("mouse_cortex_osmfish", "smfish.h5ad")
    with warnings.catch_warnings():
        # the file is older than the notes on encoding that anndata misses; its reader copes
        warnings.simplefilter("ignore", ad.OldFormatWarning)
        stored = ad.read_h5ad(path)
    named = {"str_labels", "x_coord", "y_coord"}
    check_layout(
        named <= set(stored.obs.columns),
        path,
        f"the columns of obs are {sorted(stored.obs.columns)}, not {sorted(named)}",
    )
    clusters = stored.obs["str_labels"].astype(str)
    label_of = {cluster: label for label, members in LABELS.items() for cluster in members}
    labels = clusters.map(lambda cluster: label_of.get(cluster, cluster))
    kept = labels.isin(list(LABELS)).to_numpy()
    check_layout(set(labels[kept]) == set(LABELS), path, f"the labels are {sorted(set(clusters))}")
    return ad.AnnData(
        X=whole_counts(stored.X, path)[kept],
        obs=pd.DataFrame(
            {
                "cell_type": labels[kept].astype("category"),
                "cluster": clusters[kept].astype("category"),
            }
        ),
        var=pd.DataFrame(index=stored.var_names.astype(str)),
        obsm={"spatial": stored.obs.loc[kept, ["x_coord", "y_coord"]].to_numpy(dtype=np.float64)},
        uns=about("mouse_cortex_osmfish"),
    )
