"""The loader of STARmap cells, on a file of the published layout."""

import io

import h5py
import numpy as np
import pytest

import cellclass as cc

RNG = np.random.default_rng(0)


def loom(**changes) -> bytes:
    """A loom file: genes in rows, attributes of rows and columns beside the matrix."""
    content = {
        "matrix": RNG.poisson(2.0, (5, 7)).astype(np.float32),
        "row_attrs/Gene": np.array([f"Gene{i}" for i in range(5)], dtype=object),
        "col_attrs/Clusters": np.array(list("aabbcca"), dtype=object),
        "col_attrs/BatchID": np.array([[0], [0], [1], [1], [0], [0], [1]]),
        "col_attrs/Spatial_coordinates": np.arange(14.0).reshape(7, 2),
    }
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in {**content, **changes}.items():
            if values is not None:
                text = h5py.string_dtype() if values.dtype == object else None
                file.create_dataset(name, data=values, dtype=text)
    return buffer.getvalue()


def test_the_cells(publish):
    counts = RNG.poisson(2.0, (5, 7)).astype(np.float32)
    publish("mouse_cortex_starmap", "mpfc-starmap.loom", loom(matrix=counts))
    adata = cc.datasets.mouse_cortex_starmap()
    np.testing.assert_array_equal(adata.X.toarray(), counts.T)
    assert list(adata.var_names) == [f"Gene{i}" for i in range(5)]
    assert list(adata.obs["cell_type"]) == list("aabbcca")
    assert list(adata.obs["batch"]) == list("0011001")
    np.testing.assert_array_equal(adata.obsm["spatial"], np.arange(14.0).reshape(7, 2))
    assert adata.obs_names.is_unique


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"col_attrs/Clusters": None}, "it has no .*Clusters"),
        ({"matrix": np.zeros((7, 5))}, r"the matrix is \(7, 5\), with 5 genes"),
        ({"col_attrs/Spatial_coordinates": np.zeros(7)}, r"places \(7,\)"),
        ({"matrix": np.full((5, 7), 0.5)}, "not counts"),
    ],
)
def test_another_layout(publish, changes, message):
    publish("mouse_cortex_starmap", "mpfc-starmap.loom", loom(**changes))
    with pytest.raises(cc.errors.FileFormatError, match=message):
        cc.datasets.mouse_cortex_starmap()
