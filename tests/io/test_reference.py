"""A reference is read as CSR whatever it is stored as, and its columns can be joined."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cellclass.errors import FileFormatError
from cellclass.io._reference import column_kind, obs_of, open_reference

X = np.random.default_rng(0).poisson(0.5, (5000, 7)).astype(np.float32)


@pytest.fixture
def _small_parts(monkeypatch):
    monkeypatch.setattr("cellclass.io._reference._MOST_VALUES", 2000 * 7)


def cells(X):
    obs = pd.DataFrame({"label": ["B", "T"] * 2500}, index=[f"c{i}" for i in range(5000)])
    return ad.AnnData(X, obs=obs, var=pd.DataFrame(index=list("abcdefg")), layers={"counts": X})


@pytest.mark.parametrize("layer", [None, "counts"])
@pytest.mark.parametrize("suffix", ["", ".h5ad", ".zarr"])
@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, np.asarray])
def test_every_kind_is_read_as_csr(kind, suffix, layer, tmp_path):
    source = cells(kind(X))
    path = tmp_path / f"cells{suffix}"
    with warnings.catch_warnings():  # AnnData 0.12 announces a new version of Zarr
        warnings.simplefilter("ignore")
        source.write_zarr(path) if suffix == ".zarr" else suffix and source.write_h5ad(path)
    with open_reference(path if suffix else source, name="x", layer=layer) as reference:
        parts = list(reference.rows(np.dtype(np.float64), pd.Index(list("abcdefg"))))
        found = sp.vstack(parts)
        assert {part.format for part in parts} == {"csr"}
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found.toarray(), X)
        assert len(parts) == 3
        assert reference.adata.obs["label"].tolist()[:2] == ["B", "T"]


def test_lazy_arrays_are_computed_in_parts():
    dask = pytest.importorskip("dask.array")
    lazy = cells(dask.from_array(X, chunks=(1000, 7)))
    with open_reference(lazy, name="x", layer=None) as reference:
        (part,) = reference.rows(np.dtype(np.float32), lazy.var_names)
        np.testing.assert_array_equal(part.toarray(), X)


@pytest.mark.parametrize("genes", ["gfedcba", "ca", "axbcdefg", "x"])
def test_genes_are_brought_in_order(genes):
    with open_reference(cells(sp.csr_matrix(X)), name="x", layer=None) as reference:
        (part,) = reference.rows(np.dtype(np.float32), pd.Index(list(genes)))
    wanted = pd.DataFrame(X, columns=list("abcdefg")).reindex(columns=list(genes), fill_value=0)
    np.testing.assert_array_equal(part.toarray(), wanted.to_numpy())
    assert part.has_sorted_indices
    assert part.dtype == np.float32


def test_a_file_that_is_cut_short_is_named(tmp_path):
    path = tmp_path / "short.h5ad"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(20))
    with (
        pytest.raises(FileFormatError, match=r"short\.h5ad' cannot be read as an") as caught,
        open_reference(path, name="x", layer=None),
    ):
        pass
    assert caught.value.path == path


def test_a_file_of_something_else_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "table.csv")
    import h5py

    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["x"] = [1]
    with (
        pytest.raises(ValueError, match="holds no AnnData"),
        open_reference(tmp_path / "other.h5ad", name="x", layer=None),
    ):
        pass
    with (
        pytest.raises(ValueError, match=r"write it as \.h5ad first"),
        open_reference(tmp_path / "table.csv", name="x", layer=None),
    ):
        pass


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        ([1.5, np.nan], "number"),
        ([True, False], "truth"),
        (pd.array([True, None], dtype="boolean"), "truth"),
        (pd.array([1, None], dtype="Int64"), "number"),
        (["a", None], "text"),
        (pd.Categorical([1, 2]), "text"),
        (pd.Categorical([True, False]), "text"),
        (pd.to_datetime(["2024-01-01", None]), "text"),
    ],
)
def test_kinds_of_columns(values, kind):
    assert column_kind(pd.Series(values)) == kind


def test_columns_become_text_where_they_are_in_another_reference():
    adata = cells(sp.csr_matrix(X))
    adata.obs = adata.obs.assign(donor=3, age=1.5, cluster=pd.Categorical([1, 2] * 2500))
    with open_reference(adata, name="x", layer=None) as reference:
        obs = obs_of(reference, labels_key="label", key_added="cell_type", as_text={"donor"})
    assert list(obs) == ["cell_type", "donor", "age", "cluster"]
    assert obs["donor"].cat.categories.tolist() == ["3"]
    assert obs["cluster"].cat.categories.tolist() == ["1", "2"]
    assert obs["age"].dtype == np.float64
    assert list(adata.obs) == ["label", "donor", "age", "cluster"]
