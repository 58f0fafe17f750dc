"""The loader of bladder cells, on a file of the published layout."""

import io

import anndata as ad
import h5py
import numpy as np
import pytest

import cellclass as cc


def hdf5(**arrays) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip")
    return buffer.getvalue()


def test_the_cells(publish):
    counts = np.random.default_rng(0).poisson(1.0, (6, 9))
    counts[:, 3] = 0
    file = hdf5(X=counts.astype(np.float64), Y=np.array([1.0, 2, 16, 1, 2, 2]))
    publish("mouse_bladder", "mouse_bladder_cell_select_2100.h5", file)
    adata = cc.datasets.mouse_bladder()
    np.testing.assert_array_equal(adata.X.toarray(), np.delete(counts, 3, axis=1))
    assert list(adata.obs["cell_type"].cat.categories) == ["cluster_01", "cluster_02", "cluster_16"]
    assert list(adata.obs["cell_type"].cat.codes) == [0, 1, 2, 0, 1, 1]
    assert list(adata.var_names[[0, 3, -1]]) == ["gene_00000", "gene_00004", "gene_00008"]
    assert adata.uns["licence"] == "Apache-2.0"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 2))}, r"it holds \['x'\], not X and Y"),
        ({"X": np.zeros((2, 2)), "Y": np.zeros(3)}, "as many whole numbers"),
        ({"X": np.zeros((2, 2)), "Y": np.array([1.5, 1])}, "as many whole numbers"),
        ({"X": np.full((2, 2), -1.0), "Y": np.ones(2)}, "not counts"),
    ],
)
def test_another_layout(publish, arrays, message):
    publish("mouse_bladder", "mouse_bladder_cell_select_2100.h5", hdf5(**arrays))
    with pytest.raises(cc.errors.FileFormatError, match=message):
        cc.datasets.mouse_bladder()


def test_the_real_cells(publish, real_data):
    real = ad.read_h5ad(real_data / "mouse_bladder_mca.h5ad")
    codes = real.obs["cell_type"].str.removeprefix("cluster_").astype(int).to_numpy()
    genes = real.var_names.str.removeprefix("gene_").astype(int)  # numbers in the published file
    counts = np.zeros((real.n_obs, genes.max() + 1), dtype=np.float32)
    counts[:, genes] = real.X.toarray()
    file = hdf5(X=counts, Y=codes)
    publish("mouse_bladder", "mouse_bladder_cell_select_2100.h5", file)
    adata = cc.datasets.mouse_bladder()
    assert adata.shape == real.shape == (2100, 19079)
    assert (adata.X != real.X).nnz == 0
    assert list(adata.obs["cell_type"]) == list(real.obs["cell_type"])
    assert list(adata.var_names) == list(real.var_names)
    assert list(adata.obs_names) == list(real.obs_names)
