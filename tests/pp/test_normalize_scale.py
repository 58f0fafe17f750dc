"""Every scale that can be undone, brought to every scale."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import cellclass as cc
from cellclass.errors import ScaleError


def normalized(counts, target=1e4):
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1) * target


WITH_COUNTS = {
    "counts": lambda x: x,
    "counts plus a constant": lambda x: x + 0.0019,
    "counts with noise": lambda x: x * (1 + 1e-9),
    "log1p": np.log1p,
    "log2": lambda x: np.log2(1 + x),
    "log10": lambda x: np.log10(1 + x),
    "sqrt": np.sqrt,
    "log1p twice": lambda x: np.log1p(np.log1p(x)),
}
WITHOUT = {
    "CP10k": normalized,
    "CPM": lambda x: normalized(x, 1e6),
    "log1p CP10k": lambda x: np.log1p(normalized(x)),
    "log2 CPM": lambda x: np.log2(1 + normalized(x, 1e6)),
    "sqrt CP10k": lambda x: np.sqrt(normalized(x)),
    "log1p twice": lambda x: np.log1p(np.log1p(normalized(x))),
}
TARGETS = {
    "counts": lambda x: x,
    "normalized": normalized,
    "log1p": lambda x: np.log1p(normalized(x)),
}
CONTAINERS = [np.asarray, np.asfortranarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array]


@pytest.fixture(scope="module")
def counts(_cells):
    return _cells.layers["counts"].toarray().astype(np.float64)


def dense(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("kind", WITH_COUNTS)
def test_from_what_gives_counts(counts, kind, container, target):
    adata = ad.AnnData(container(WITH_COUNTS[kind](counts).astype(np.float32)))
    cc.pp.normalize_scale(adata, target=target)
    assert type(adata.X) is type(container(counts))
    assert adata.X.dtype == np.float32
    if target == "counts":
        np.testing.assert_array_equal(dense(adata.X), counts)
    np.testing.assert_allclose(dense(adata.X), TARGETS[target](counts), rtol=1e-6)
    if sp.issparse(adata.X):
        assert adata.X.nnz == np.count_nonzero(counts)


@pytest.mark.parametrize("target", ["normalized", "log1p"])
@pytest.mark.parametrize("kind", WITHOUT)
def test_from_normalised_values(counts, kind, target):
    adata = ad.AnnData(sp.csr_matrix(WITHOUT[kind](counts).astype(np.float32)))
    cc.pp.normalize_scale(adata, target=target)
    np.testing.assert_allclose(dense(adata.X), TARGETS[target](counts), rtol=2e-4)


@pytest.mark.parametrize("kind", WITHOUT)
def test_counts_cannot_be_told_from_normalised_values(counts, kind, unchanged):
    adata = ad.AnnData(sp.csr_matrix(WITHOUT[kind](counts).astype(np.float32)))
    adata.layers["counts"] = sp.csr_matrix(counts)
    with unchanged(adata), pytest.raises(ScaleError, match=r"divided by its own sum.*'counts'"):
        cc.pp.normalize_scale(adata, target="counts")


def test_target_sum(counts):
    adata = ad.AnnData(counts.astype(np.float32))
    cc.pp.normalize_scale(adata, target="normalized", target_sum=1e6)
    np.testing.assert_allclose(adata.X.sum(axis=1), 1e6, rtol=1e-5)
    cc.pp.normalize_scale(adata, target_sum=None)
    np.testing.assert_allclose(adata.X, np.log1p(normalized(counts, 1e6)), rtol=1e-5)


def test_without_a_target_sum_only_the_transformation_changes(counts):
    some = np.log2(1 + normalized(counts))[:, :300]
    adata = ad.AnnData(some.astype(np.float32))
    cc.pp.normalize_scale(adata, target_sum=None)
    np.testing.assert_allclose(adata.X, some * np.log(2), rtol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_there_already_stays_as_it_is(counts, target):
    X = sp.csr_matrix(TARGETS[target](counts).astype(np.float32))
    adata = ad.AnnData(X.copy())
    cc.pp.normalize_scale(adata, target=target)
    np.testing.assert_array_equal(adata.X.data, X.data)


def test_layers(cells, unchanged):
    before = cells.X.copy()
    with unchanged(cells, but={"adata.layers.cpm"}):
        cc.pp.normalize_scale(
            cells, layer="counts", target="normalized", target_sum=1e6, key_added="cpm"
        )
    assert str(cc.pp.identify_scale(cells, layer="cpm")) == "normalized to 1,000,000 per cell"
    with unchanged(cells, but={"adata.layers.cpm"}):
        cc.pp.normalize_scale(cells, layer="cpm")
    assert cc.pp.identify_scale(cells, layer="cpm").name == "log1p"
    assert abs(cells.X - before).nnz == 0


def test_a_layer_that_shares_nothing(cells):
    cc.pp.normalize_scale(cells, layer="counts", target="counts", key_added="again")
    cells.layers["again"].data[:] = 7
    assert cells.layers["counts"].data.max() != 7


def test_copy(cells, unchanged):
    with unchanged(cells):
        changed = cc.pp.normalize_scale(cells, layer="counts", copy=True)
    assert cc.pp.identify_scale(changed, layer="counts").name == "log1p"
    assert cc.pp.normalize_scale(cells, layer="counts") is None


def test_genes_that_were_left_out_are_spoken_of(cells):
    values = cells.X.copy()  # logarithms of the variable genes of a larger matrix
    with pytest.warns(UserWarning, match="cells differ in their sum.*target_sum=None"):
        cc.pp.normalize_scale(cells)
    cells.X = values
    cc.pp.normalize_scale(cells, target_sum=None)
    assert abs(sp.csr_matrix(cells.X) - sp.csr_matrix(values)).max() < 1e-5


def test_a_view_becomes_an_anndata_of_its_own(cells, unchanged):
    view = cells[::2]
    with unchanged(cells):
        cc.pp.normalize_scale(view, layer="counts", target="normalized")
    assert not view.is_view
    assert cc.pp.identify_scale(view, layer="counts").name == "normalized"


def test_scanpy_knows_the_base(cells):
    cells.uns["log1p"] = {"base": 2}
    cells.X = sp.csr_matrix(np.log2(1 + cells.layers["counts"].toarray()))
    cc.pp.normalize_scale(cells)
    assert cells.uns["log1p"] == {"base": None}
    cc.pp.normalize_scale(cells, target="normalized")
    assert "log1p" not in cells.uns


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_dask_stays_lazy(counts, container):
    array = pytest.importorskip("dask.array")
    X = array.from_array(np.log2(1 + counts).astype(np.float32), chunks=(200, 400))
    adata = ad.AnnData(X.map_blocks(container))
    cc.pp.normalize_scale(adata)
    assert isinstance(adata.X, array.Array)
    np.testing.assert_allclose(
        dense(adata.X.compute()), np.log1p(normalized(counts)), rtol=1e-5, atol=1e-7
    )


def test_double_precision_is_kept(counts):
    adata = ad.AnnData(np.log1p(counts))
    cc.pp.normalize_scale(adata)
    assert adata.X.dtype == np.float64
    np.testing.assert_allclose(adata.X, np.log1p(normalized(counts)), rtol=1e-14)
    whole = ad.AnnData(sp.csr_matrix(counts.astype(np.int32)))
    cc.pp.normalize_scale(whole)
    assert whole.X.dtype == np.float32


def test_counts_stored_too_roughly(counts):
    deep = np.random.default_rng(0).poisson(counts * 2000)
    adata = ad.AnnData(np.log1p(deep).round(4))
    with pytest.raises(ScaleError, match="so roughly that counts come out up to"):
        cc.pp.normalize_scale(adata, target="counts")
    cc.pp.normalize_scale(adata)
    np.testing.assert_allclose(adata.X, np.log1p(normalized(deep)), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("target", TARGETS)
def test_what_cannot_be_undone(cells, target, unchanged):
    z = cells.layers["counts"].toarray()
    cells.layers["z"] = (z - z.mean(axis=0)) / z.std(axis=0).clip(0.1)
    with unchanged(cells), pytest.raises(ScaleError, match=r"z-scored.*\(layer='counts'\) holds"):
        cc.pp.normalize_scale(cells, layer="z", target=target)


def test_arguments(cells, tmp_path):
    with pytest.raises(ValueError, match="target='log2' is not one of 'log1p', 'normalized', 'c"):
        cc.pp.normalize_scale(cells, target="log2")
    for target_sum in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="a positive number of counts"):
            cc.pp.normalize_scale(cells, target_sum=target_sum)
    for key in ("", "a/b"):
        with pytest.raises(ValueError, match="no name for a layer"):
            cc.pp.normalize_scale(cells, key_added=key)
    cells.write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match=r"backed by a file.*adata.to_memory\(\)"):
        cc.pp.normalize_scale(ad.read_h5ad(tmp_path / "x.h5ad", backed="r"))


def test_empty_cells_stay_empty(counts):
    some = counts.copy()
    some[[3, 50]] = 0
    adata = ad.AnnData(sp.csr_matrix(np.sqrt(some)))
    cc.pp.normalize_scale(adata, target="normalized")
    assert adata.X[[3, 50]].nnz == 0
    assert np.isfinite(adata.X.data).all()


@given(
    st.integers(0, 2**16),
    st.sampled_from(list(WITH_COUNTS)),
    st.sampled_from(CONTAINERS),
    st.sampled_from([np.float32, np.float64]),
)
def test_there_and_back(seed, kind, container, dtype):
    rng = np.random.default_rng(seed)
    made = rng.poisson(rng.gamma(0.4, 4.0, size=(1, 80)), size=(rng.integers(5, 30), 80))
    adata = ad.AnnData(container(WITH_COUNTS[kind](made.astype(np.float64)).astype(dtype)))
    cc.pp.normalize_scale(adata, target="counts")
    np.testing.assert_array_equal(dense(adata.X), made)
