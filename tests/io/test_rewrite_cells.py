"""A file of cells becomes one of the other kind, with all that is in it."""

import warnings

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import FileFormatError
from cellclass.io import _rewrite_cells
from cellclass.io._rewrite_cells import rewrite_cells


@pytest.fixture
def full():
    adata = cc.datasets.simulate_counts(50, 40, n_labels=2, n_markers=3, rng=0)
    adata.raw = adata.copy()
    adata.layers["dense"] = adata.X.toarray()
    adata.layers["by_gene"] = sp.csc_matrix(adata.X)
    adata.layers["empty"] = sp.csr_matrix(adata.shape, dtype=np.float32)
    adata.obs["text"] = [f"cell {i}" for i in range(50)]
    adata.obsm["X_pca"] = np.arange(100.0).reshape(50, 2)
    adata.obsm["frame"] = pd.DataFrame({"a": np.arange(50)}, index=adata.obs_names)
    adata.obsp["near"] = sp.csr_matrix(np.eye(50))
    adata.uns["deep"] = {"array": np.arange(3), "text": "x", "frame": adata.var.copy()}
    return adata


@pytest.mark.parametrize("to", [".h5ad", ".zarr"])
@pytest.mark.parametrize("at_once", [1 << 23, 97])
def test_all_is_there(full, tmp_path, monkeypatch, to, at_once):
    monkeypatch.setattr(_rewrite_cells, "_AT_ONCE", at_once)
    source, made = tmp_path / f"a{'.zarr' if to == '.h5ad' else '.h5ad'}", tmp_path / f"b{to}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's own, of formats to come
        (full.write_zarr if to == ".h5ad" else full.write_h5ad)(source)
    rewrite_cells(source, made)
    expected = ad.read_zarr(source) if to == ".h5ad" else ad.read_h5ad(source)
    found = ad.read_h5ad(made) if to == ".h5ad" else ad.read_zarr(made)
    layers = set(found.layers) - {None}  # which is X in newer versions of anndata
    assert layers == {"dense", "by_gene", "empty"}
    for one, other in [
        (found.X, expected.X),
        (found.raw.X, expected.raw.X),
        (found.obsp["near"], expected.obsp["near"]),
        *((found.layers[name], expected.layers[name]) for name in layers),
    ]:
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert abs(one - other).sum() == 0
    assert found.X.nnz == expected.X.nnz
    pd.testing.assert_frame_equal(found.obs, expected.obs)
    pd.testing.assert_frame_equal(found.var, expected.var)
    pd.testing.assert_frame_equal(found.raw.var, expected.raw.var)
    pd.testing.assert_frame_equal(found.obsm["frame"], expected.obsm["frame"])
    assert (found.obsm["X_pca"] == expected.obsm["X_pca"]).all()
    assert found.uns["deep"]["array"].tolist() == [0, 1, 2]
    assert found.uns["deep"]["text"] == "x"
    pd.testing.assert_frame_equal(found.uns["deep"]["frame"], expected.uns["deep"]["frame"])


def test_without_a_matrix_there_and_back(tmp_path):
    ad.AnnData(obs=pd.DataFrame({"a": [1, 2]}, index=["x", "y"])).write_h5ad(tmp_path / "a.h5ad")
    rewrite_cells(tmp_path / "a.h5ad", tmp_path / "b.zarr")
    rewrite_cells(tmp_path / "b.zarr", tmp_path / "c.h5ad")
    found = ad.read_h5ad(tmp_path / "c.h5ad")
    assert found.X is None
    assert found.raw is None
    assert found.obs["a"].tolist() == [1, 2]


@pytest.mark.parametrize("attribute", ["encoding-version", "encoding-type"])
@pytest.mark.parametrize("part", ["X", "obs", "layers", "raw", "/"])
def test_what_is_not_known_is_refused(full, tmp_path, part, attribute):
    full.write_h5ad(tmp_path / "a.h5ad")
    with h5py.File(tmp_path / "a.h5ad", "r+") as file:
        file[part].attrs[attribute] = "9.9"
    with pytest.raises((ValueError, FileFormatError), match=r"not known here|cannot be read as"):
        rewrite_cells(tmp_path / "a.h5ad", tmp_path / "b.zarr")


@pytest.mark.filterwarnings("ignore:Writing zarr v2")  # of anndata 0.12
@pytest.mark.filterwarnings("ignore:.*will be removed in 0.14")  # of anndata 0.13
def test_one_file_of_a_zarr_folder_contradicts_another(full, tmp_path):
    """What is read is what anndata reads."""
    with ad.settings.override(zarr_write_format=2):
        full.write_zarr(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/var/.zattrs").unlink()
    rewrite_cells(tmp_path / "a.zarr", tmp_path / "b.h5ad")
    found = ad.read_h5ad(tmp_path / "b.h5ad")
    pd.testing.assert_frame_equal(found.var, ad.read_zarr(tmp_path / "a.zarr").var)
    assert found.var_names.tolist() == full.var_names.tolist()
