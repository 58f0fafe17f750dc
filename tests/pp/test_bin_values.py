"""Binned expression of an AnnData, against fractions."""

from fractions import Fraction

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cellclass as cc
from cellclass.errors import ScaleError, ValuesError

CONTAINERS = [np.array, np.asfortranarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array]
DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint16]
METHODS = ["log2", "quantile"]


def dense(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


def plain_log2(counts, n_bins):
    out = np.zeros(counts.shape, dtype=np.uint8)
    for i, j in zip(*counts.nonzero(), strict=True):
        x = Fraction(int(counts[i, j])) * 10_000 / int(counts[i].sum())
        out[i, j] = min((1 + x).__floor__().bit_length() - 1, n_bins - 2)
    return out


def plain_quantile(counts, n_bins):
    out = np.zeros(counts.shape, dtype=np.uint8)
    for i, row in enumerate(counts):
        values = np.sort(row[row > 0])
        last = len(values) - 1
        # at this place in order, or before it, stands the largest value of each quantile's pair
        places = [-((-k * last) // (n_bins - 2)) for k in range(n_bins - 1)]
        for j in row.nonzero()[0]:
            out[i, j] = sum(values[place] <= row[j] for place in places)
    return out


PLAIN = {"log2": plain_log2, "quantile": plain_quantile}


def untidy(X, rng):
    """Return CSR with explicit zeros and the entries of each row in any order."""
    full = sp.csr_matrix(np.ones_like(X))
    full.data[:] = X.ravel()
    for start in full.indptr[:-1]:
        order = start + rng.permutation(X.shape[1])
        row = slice(start, start + X.shape[1])
        full.data[row], full.indices[row] = full.data[order], full.indices[order]
    full.has_sorted_indices = False
    return full


@given(
    hnp.arrays(
        st.sampled_from(DTYPES),
        st.tuples(st.integers(1, 7), st.integers(1, 8)),
        elements=st.one_of(st.integers(0, 6), st.integers(0, 50_000)),
    ),
    st.integers(3, 255),
    st.sampled_from([*CONTAINERS, "untidy"]),
    st.sampled_from(METHODS),
    st.integers(0, 99),
)
def test_bins_are_what_fractions_say(unchanged, counts, n_bins, container, method, seed):
    X = untidy(counts, np.random.default_rng(seed)) if container == "untidy" else container(counts)
    adata = ad.AnnData(X)
    assume(str(cc.pp.identify_scale(adata)) == "counts")
    with unchanged(adata, but={"adata.layers.binned"}):
        cc.pp.bin_values(adata, n_bins=n_bins, method=method)
    found = adata.layers["binned"]
    np.testing.assert_array_equal(dense(found), PLAIN[method](counts, n_bins))
    assert found.dtype == np.uint8
    assert type(found) is type(adata.X)
    if sp.issparse(found):
        assert found.nnz == np.count_nonzero(dense(found))


@pytest.mark.parametrize(("method", "n_bins"), [("log2", 7), ("quantile", 51)])
def test_real_cells(cells, method, n_bins):
    cc.pp.bin_values(cells, layer="counts", method=method)
    counts = cells.layers["counts"].toarray()
    np.testing.assert_array_equal(cells.layers["binned"].toarray(), PLAIN[method](counts, n_bins))
    assert isinstance(cells.layers["binned"], sp.csr_matrix)


def test_one_count_in_a_deep_cell_is_in_bin_zero():
    counts = np.zeros((30, 4), dtype=np.float32)
    counts[:] = [1, 2, 20_000, 0]
    adata = ad.AnnData(sp.csr_matrix(counts))
    cc.pp.bin_values(adata)
    assert adata.layers["binned"].toarray()[0].tolist() == [0, 0, 5, 0]
    assert adata.layers["binned"].nnz == 30


@pytest.mark.parametrize("method", METHODS)
def test_order_of_genes_and_of_cells_and_the_other_cells(cells, method):
    cc.pp.bin_values(cells, layer="counts", method=method)
    rng = np.random.default_rng(0)
    other = cells[rng.permutation(700)[:80], rng.permutation(cells.n_vars)].copy()
    cc.pp.bin_values(other, layer="counts", method=method, layer_added="again")
    np.testing.assert_array_equal(other.layers["again"].toarray(), other.layers["binned"].toarray())


@pytest.mark.parametrize("method", METHODS)
def test_deeper_cells(cells, method):
    cc.pp.bin_values(cells, layer="counts", method=method)
    multiple = sp.diags_array(np.random.default_rng(0).integers(1, 1000, size=700), dtype=None)
    cells.layers["deep"] = sp.csr_matrix(multiple @ cells.layers["counts"])
    cc.pp.bin_values(cells, layer="deep", method=method, layer_added="again")
    assert (cells.layers["again"] != cells.layers["binned"]).nnz == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "transform",
    [
        np.log1p,
        np.sqrt,
        lambda x: x + 0.0019,
        lambda x: x / x.sum(axis=1, keepdims=True) * 1e6,
        lambda x: np.log1p(x / x.sum(axis=1, keepdims=True) * 1e4),
        lambda x: np.log2(1 + x / x.sum(axis=1, keepdims=True) * 1e4),
    ],
)
def test_any_scale_that_can_be_undone(cells, transform, dtype, method):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    counts[:, 0] += 20_000 - counts.sum(axis=1)  # so that many stand on the bound of a bin
    cells.layers["counts"] = counts
    cells.layers["other"] = transform(counts).astype(dtype)
    cc.pp.bin_values(cells, layer="counts", method=method)
    cc.pp.bin_values(cells, layer="other", method=method, layer_added="again")
    np.testing.assert_array_equal(cells.layers["again"], cells.layers["binned"])


def test_genes_that_were_left_out_are_spoken_of(cells):
    with pytest.warns(UserWarning, match="cells differ in their sum") as caught:
        cc.pp.bin_values(cells)
    assert caught[0].filename == __file__
    cc.pp.bin_values(cells, method="quantile")


@pytest.mark.parametrize("method", METHODS)
def test_cells_without_counts(tiny, method):
    X = tiny.X.toarray()
    X[[3, 50]] = 0
    for kind in (np.asarray, sp.csr_matrix):
        tiny.X = kind(X)
        cc.pp.bin_values(tiny, method=method)
        assert dense(tiny.layers["binned"])[[3, 50]].sum() == 0
        assert dense(tiny.layers["binned"]).any(axis=1).sum() == 88


def test_copy_and_views(cells, unchanged):
    with unchanged(cells):
        changed = cc.pp.bin_values(cells, layer="counts", copy=True)
        view = cells[::2]
        assert cc.pp.bin_values(view, layer="counts", layer_added="mine") is None
    assert "binned" in changed.layers
    assert not view.is_view
    assert view.layers["mine"].shape == view.shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_dask_stays_lazy(cells, container, method):
    array = pytest.importorskip("dask.array")
    cc.pp.bin_values(cells, layer="counts", method=method)
    X = array.from_array(cells.layers["counts"].toarray(), chunks=(200, 400))
    lazy = ad.AnnData(X.map_blocks(container))
    cc.pp.bin_values(lazy, method=method)
    assert isinstance(lazy.layers["binned"], array.Array)
    assert lazy.layers["binned"].dtype == np.uint8
    found = dense(lazy.layers["binned"].compute())
    np.testing.assert_array_equal(found, cells.layers["binned"].toarray())


def test_files_hold_what_is_written(cells, tmp_path):
    cc.pp.bin_values(cells, layer="counts")
    cells.write_h5ad(tmp_path / "x.h5ad")
    back = ad.read_h5ad(tmp_path / "x.h5ad")
    assert back.layers["binned"].dtype == np.uint8
    assert (back.layers["binned"] != cells.layers["binned"]).nnz == 0


@pytest.mark.parametrize("method", METHODS)
def test_values_that_are_no_expression(cells, unchanged, method):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    cells.layers["z"] = (counts - counts.mean(axis=0)) / counts.std(axis=0).clip(0.1)
    cells.layers["negative"] = -counts
    cells.layers["nan"] = np.where(counts == 1, np.nan, counts)
    with unchanged(cells):
        for layer, found in {"z": "z-scored", "negative": "negative"}.items():
            with pytest.raises(ScaleError, match=found):
                cc.pp.bin_values(cells, layer=layer, method=method)
        with pytest.raises(ValuesError, match="NaN or infinite"):
            cc.pp.bin_values(cells, layer="nan", method=method)


def test_arguments(cells, unchanged, tmp_path):
    with unchanged(cells):
        for n_bins in (2, 0, -1, 256):
            with pytest.raises(ValueError, match=f"n_bins={n_bins} is outside 3 to 255"):
                cc.pp.bin_values(cells, layer="counts", n_bins=n_bins)
        with pytest.raises(TypeError, match="integer"):
            cc.pp.bin_values(cells, layer="counts", n_bins=7.5)
        with pytest.raises(ValueError, match="method='log' is neither"):
            cc.pp.bin_values(cells, layer="counts", method="log")
        with pytest.raises(ValueError, match="layer_added='' is no name"):
            cc.pp.bin_values(cells, layer="counts", layer_added="")
        with pytest.raises(ValueError, match="layer_added='counts' is the layer that is read"):
            cc.pp.bin_values(cells, layer="counts", layer_added="counts")
        with pytest.raises(KeyError, match="layer='cuonts' is not in"):
            cc.pp.bin_values(cells, layer="cuonts")
    for empty in (cells[:0].copy(), cells[:, :0].copy()):
        with pytest.raises(ValueError, match="At least one of each"):
            cc.pp.bin_values(empty)
    cells.write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match=r"backed by a file.*adata.to_memory\(\)"):
        cc.pp.bin_values(ad.read_h5ad(tmp_path / "x.h5ad", backed="r"))
