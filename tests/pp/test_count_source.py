import warnings

import anndata as ad
import h5py
import numpy as np
import pytest
from scipy import sparse

import cellclass as cc
from cellclass import _progress
from cellclass.errors import FileFormatError, ValuesError
from cellclass.kernels import count_tables, depth_factors, divergences
from cellclass.pp import _count_source as module
from cellclass.pp._count_source import count_tables_of

BINS = [None, "log2", 6, ("quantile", 4)]
LABELS = 4


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.gamma(0.3, 4, 30), (900, 30)).astype(np.float32)
    X[rng.random(X.shape) < 0.003] = 5000
    return X, np.sort(rng.integers(-1, LABELS, 900))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", 4000)
    monkeypatch.setattr(module, "SAMPLE_ROWS", 5)


def same(tables, expected):
    """Compare gene by gene: where a value is stored is no matter."""
    assert tables.n_cells.tolist() == expected.n_cells.tolist()
    for gene in range(expected.n_vars):
        for one, other in zip(tables.of_gene(gene), expected.of_gene(gene), strict=True):
            np.testing.assert_array_equal(one, other)
    assert np.array_equal(divergences(tables), divergences(expected))


def stored(X, kind, path):
    """Write a matrix to a file and open it again."""
    adata = ad.AnnData(
        {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](X)
    )
    if path.suffix == ".zarr":
        zarr = pytest.importorskip("zarr")
        with warnings.catch_warnings():  # of the version of the format
            warnings.simplefilter("ignore")
            adata.write_zarr(path)
        found = zarr.open(path, mode="r")["X"]
        return found if kind == "dense" else ad.io.sparse_dataset(found)
    adata.write_h5ad(path)
    return ad.read_h5ad(path, backed="r").X


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_file_in_parts(counts, small_chunks, tmp_path, name, kind, bins, normalize):
    X, codes = counts
    factors = depth_factors(X, codes) if normalize else None
    expected = count_tables(X, codes, LABELS, bins=bins, factors=factors)
    source = stored(X, kind, tmp_path / name)
    same(count_tables_of(source, codes, LABELS, bins=bins, normalize=normalize), expected)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_in_memory(counts, kind):
    X, codes = counts
    factors = depth_factors(X, codes)
    expected = count_tables(X, codes, LABELS, factors=factors)
    same(count_tables_of(kind(X), codes, LABELS, normalize=True), expected)


def as_dask(X, kind, chunks):
    da = pytest.importorskip("dask.array")
    if kind == "dense":
        return da.from_array(X, chunks=chunks)
    matrix = getattr(sparse, f"{kind}_matrix")
    whole = da.from_array(X, chunks=chunks)
    return whole.map_blocks(matrix, dtype=X.dtype, meta=matrix((0, 0), dtype=X.dtype))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize(
    ("kind", "chunks"), [("csr", (170, -1)), ("dense", (400, -1)), ("csc", (-1, 7))]
)
def test_dask(counts, kind, chunks, bins, normalize):
    X, codes = counts
    factors = depth_factors(X, codes) if normalize else None
    expected = count_tables(X, codes, LABELS, bins=bins, factors=factors)
    lazy = as_dask(X, kind, chunks)
    same(count_tables_of(lazy, codes, LABELS, bins=bins, normalize=normalize), expected)


@pytest.mark.parametrize(
    ("kind", "chunks", "message"),
    [
        ("csr", (170, 7), r"split the genes.*rechunk\(\('auto', -1\)\)"),
        ("csc", (170, 7), r"split the cells.*rechunk\(\(-1, 'auto'\)\)"),
    ],
)
def test_dask_chunks_that_split(counts, kind, chunks, message):
    X, codes = counts
    with pytest.raises(ValueError, match=message):
        count_tables_of(as_dask(X, kind, chunks), codes, LABELS)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_bad_value_is_named_with_its_place_in_the_whole(counts, small_chunks, tmp_path, kind):
    X, codes = counts
    X = X.copy()
    X[700, 21] = 0.5
    source = stored(X, kind, tmp_path / "x.h5ad")
    with pytest.raises(ValuesError, match=r"0\.5 in gene 21, cell 700"):
        count_tables_of(source, codes, LABELS)
    lazy = as_dask(X, kind, (-1, 7) if kind == "csc" else (170, -1))
    with pytest.raises(ValuesError, match=r"0\.5 in gene 21, cell 700"):
        count_tables_of(lazy, codes, LABELS)


@pytest.mark.parametrize(("after", "shown"), [(60.0, False), (-1.0, True)])
def test_progress_bar_on_long_runs_only(counts, small_chunks, tmp_path, monkeypatch, after, shown):
    X, codes = counts
    bars = []
    make = _progress.Progress
    monkeypatch.setattr(_progress, "Progress", lambda **kw: bars.append(make(**kw)) or bars[-1])
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", after)
    count_tables_of(stored(X, "csr", tmp_path / "x.h5ad"), codes, LABELS, progress=True)
    assert [bar.tasks[0].description for bar in bars] == ["Counting"] * shown
    assert all(bar.finished for bar in bars)


def test_unknown_kind():
    with pytest.raises(TypeError, match=r"builtins\.list, which is not supported"):
        count_tables_of([[1]], np.zeros(1, dtype=int), 1)


def test_one_dataset_of_h5py(counts, small_chunks, tmp_path):
    X, codes = counts
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
        same(count_tables_of(file["x"], codes, LABELS), count_tables(X, codes, LABELS))


def test_entries_outside_the_matrix_are_refused_before_they_are_looked_up(tmp_path):
    adata = cc.datasets.simulate_counts(60, 100, 2)
    adata.X.indices[5] = 10_000_000
    codes = adata.obs["cell_type"].cat.codes.to_numpy()
    with pytest.raises(ValuesError, match="outside its 100 places"):
        count_tables_of(adata.X, codes, 2)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    with pytest.raises(FileFormatError, match=r"cells\.h5ad' cannot be read"):
        count_tables_of(backed.X, codes, 2)
