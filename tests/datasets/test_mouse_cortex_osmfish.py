"""The loader of osmFISH cells, on a file of the published layout."""

import io

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.datasets._mouse_cortex_osmfish import LABELS

CLUSTERS = [
    "Inhibitory Vip",
    "Pyramidal L6",
    "Ependymal",
    "Microglia",
    "Astrocyte Gfap",
    "Endothelial 1",
    "Oligodendrocyte MF",
    "pyramidal L4",
]
PLACES = np.arange(16.0).reshape(8, 2)


def stored(clusters, counts, genes, places) -> bytes:
    """A file as anndata 0.7 wrote it: without notes on the encoding of arrays."""
    text, buffer = h5py.string_dtype(), io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["X"] = counts
        names, codes = np.unique(clusters, return_inverse=True)
        for name, index in (("obs", [str(i) for i in range(len(clusters))]), ("var", genes)):
            frame = file.create_group(name)
            frame.attrs.update(
                {"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "_index"}
            )
            frame.create_dataset("_index", data=list(index), dtype=text)
            frame.attrs.create("column-order", np.array([], dtype="f8"))
        obs = file["obs"]
        obs.attrs.create("column-order", ["x_coord", "y_coord", "str_labels"], dtype=text)
        obs["x_coord"], obs["y_coord"] = places.T
        categories = obs.create_group("__categories")
        categories.create_dataset("str_labels", data=names.tolist(), dtype=text)
        obs["str_labels"] = codes.astype(np.int8)
        obs["str_labels"].attrs["categories"] = categories["str_labels"].ref
    return buffer.getvalue()


COUNTS = np.random.default_rng(0).poisson(3.0, (8, 4)).astype(np.float32)
GENES = ["Gad2", "Slc32a1", "Crhbp", "Cnr1"]


def test_clusters_are_put_together(publish):
    content = stored(CLUSTERS, COUNTS, GENES, PLACES)
    publish("mouse_cortex_osmfish", "smfish.h5ad", content)
    adata = cc.datasets.mouse_cortex_osmfish()
    kept = [0, 1, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(adata.X.toarray(), COUNTS[kept])
    assert list(adata.obs["cluster"]) == [CLUSTERS[i] for i in kept]
    assert list(adata.obs["cell_type"])[:3] == ["Inhibitory", "Pyramidals", "Microglias"]
    assert set(adata.obs["cell_type"].cat.categories) == set(LABELS)
    assert list(adata.var_names) == GENES
    np.testing.assert_array_equal(adata.obsm["spatial"], PLACES[kept])
    assert adata.uns["licence"] == "none stated"


def test_labels_that_are_together_already(publish):
    labels = [*LABELS, "Excluded", "Excluded"]
    publish("mouse_cortex_osmfish", "smfish.h5ad", stored(labels, COUNTS, GENES, PLACES))
    assert list(cc.datasets.mouse_cortex_osmfish().obs["cell_type"]) == list(LABELS)


def test_another_layout(publish, tmp_path):
    path = tmp_path / "x.h5ad"
    ad.AnnData(COUNTS, obs=pd.DataFrame({"labels": CLUSTERS}, index=list("abcdefgh"))).write_h5ad(
        path
    )
    publish("mouse_cortex_osmfish", "smfish.h5ad", path.read_bytes())
    with pytest.raises(cc.errors.FileFormatError, match=r"columns of obs are \['labels'\]"):
        cc.datasets.mouse_cortex_osmfish()


def test_other_labels(publish):
    content = stored(["a"] * 8, COUNTS, GENES, PLACES)
    publish("mouse_cortex_osmfish", "smfish.h5ad", content)
    with pytest.raises(cc.errors.FileFormatError, match=r"the labels are \['a'\]"):
        cc.datasets.mouse_cortex_osmfish()


def test_the_real_cells(publish, real_data):
    real = ad.read_h5ad(real_data / "mouse_cortex_osmfish.h5ad")
    places = real.obs[["x", "y"]].to_numpy()
    content = stored(
        list(real.obs["cell_type"]), real.X.toarray().astype("f4"), list(real.var_names), places
    )
    publish("mouse_cortex_osmfish", "smfish.h5ad", content)
    adata = cc.datasets.mouse_cortex_osmfish()
    assert adata.shape == real.shape == (4530, 33)
    assert (adata.X != real.X).nnz == 0
    assert list(adata.obs["cell_type"]) == list(real.obs["cell_type"])
    np.testing.assert_array_equal(adata.obsm["spatial"], places)
