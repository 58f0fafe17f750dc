"""Rank-value encoding of an AnnData, against fractions sorted by Python."""

import statistics
from fractions import Fraction

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cellclass as cc
from cellclass.errors import GeneError, ScaleError, ValuesError

CONTAINERS = [
    np.array,
    np.asfortranarray,
    sp.csr_matrix,
    sp.csc_matrix,
    sp.csr_array,
    sp.csc_array,
]
DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint16]


@pytest.fixture(scope="module")
def every(_cells):
    return _cells


def plain(counts, n_tokens, medians=None):
    """Say the same without a rounding error, cell by cell."""
    x = [
        {g: Fraction(int(row[g])) * 10_000 / int(row.sum()) for g in row.nonzero()[0]}
        for row in counts
    ]
    if medians is None:
        columns = [[row[g] for row in x if g in row] for g in range(counts.shape[1])]
        medians = [statistics.median(column) if column else None for column in columns]
    tokens = np.full((len(counts), n_tokens), -1, dtype=np.int32)
    for i, row in enumerate(x):
        best = sorted(row, key=lambda gene: (-row[gene] / medians[gene], gene))[:n_tokens]
        tokens[i, : len(best)] = best
    return tokens, medians


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


def names(adata, key="rank_value"):
    genes = np.append(adata.var_names, "")
    return genes[adata.obsm[key]]


def uneven_medians(adata):
    """Medians by which no two genes of a cell are equal."""
    return pd.Series(np.random.default_rng(0).lognormal(size=adata.n_vars), index=adata.var_names)


@given(
    hnp.arrays(
        st.sampled_from(DTYPES),
        st.tuples(st.integers(1, 7), st.integers(1, 8)),
        elements=st.integers(0, 6),
    ),
    st.integers(1, 10),
    st.sampled_from([*CONTAINERS, "untidy"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_tokens_are_what_python_says(unchanged, counts, n_tokens, container, is_given, seed):
    rng = np.random.default_rng(seed)
    adata = ad.AnnData(untidy(counts, rng) if container == "untidy" else container(counts))
    assume(str(cc.pp.identify_scale(adata)) == "counts")
    medians, expected_medians = None, None
    if is_given:
        expected_medians = rng.integers(1, 5, size=counts.shape[1])
        medians = pd.Series(expected_medians, index=adata.var_names)[::-1]
    expected, expected_medians = plain(counts, n_tokens, expected_medians)
    written = {"adata.obsm.rank_value", "adata.var.rank_value_median", "adata.uns.rank_value"}
    with unchanged(adata, but=written | {"adata.var"}):
        cc.pp.rank_value_encode(adata, n_tokens=n_tokens, medians=medians)
    np.testing.assert_array_equal(adata.obsm["rank_value"], expected)
    assert adata.obsm["rank_value"].dtype == np.int32
    wanted = [np.nan if value is None else float(value) for value in expected_medians]
    np.testing.assert_allclose(adata.var["rank_value_median"], wanted, rtol=1e-14)


def test_real_cells(cells):
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=200)
    expected, _ = plain(cells.layers["counts"].toarray(), 200)
    np.testing.assert_array_equal(cells.obsm["rank_value"], expected)
    assert cells.uns["rank_value"] == {
        "params": {"layer": "counts", "n_tokens": 200, "target_sum": 1e4, "medians": "computed"}
    }


def test_a_short_sentence_is_the_start_of_a_long_one(cells):
    cc.pp.rank_value_encode(cells, layer="counts")
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=30, key_added="short")
    assert cells.obsm["rank_value"].shape == (700, 2048)
    np.testing.assert_array_equal(cells.obsm["short"], cells.obsm["rank_value"][:, :30])
    n_expressed = (cells.layers["counts"] > 0).sum(axis=1).A1
    np.testing.assert_array_equal((cells.obsm["rank_value"] >= 0).sum(axis=1), n_expressed)
    assert "short_median" in cells.var
    assert cells.uns["short"]["params"]["n_tokens"] == 30


def test_genes_in_another_order(cells):
    other = cells[:, np.random.default_rng(1).permutation(cells.n_vars)].copy()
    for adata in (cells, other):
        medians = uneven_medians(cells)
        cc.pp.rank_value_encode(adata, layer="counts", medians=medians, n_tokens=100)
        cc.pp.rank_value_encode(adata, layer="counts", n_tokens=100, key_added="computed")
    np.testing.assert_array_equal(names(cells), names(other))
    pd.testing.assert_series_equal(
        cells.var["computed_median"], other.var["computed_median"][cells.var_names]
    )


def test_other_cells_in_another_order(cells):
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=100)
    order = np.random.default_rng(2).permutation(cells.n_obs)
    other = cells[order].copy()
    cc.pp.rank_value_encode(other, layer="counts", n_tokens=100, key_added="again")
    np.testing.assert_array_equal(other.obsm["again"], cells.obsm["rank_value"][order])
    some = cells[order[:50]].copy()
    medians = cells.var["rank_value_median"]
    cc.pp.rank_value_encode(some, layer="counts", n_tokens=100, medians=medians, key_added="again")
    np.testing.assert_array_equal(some.obsm["again"], some.obsm["rank_value"])
    assert some.uns["again"]["params"]["medians"] == "given"


@given(st.integers(0, 999))
def test_deeper_cells(every, seed):
    rng = np.random.default_rng(seed)
    cells = every[rng.permutation(700)[:60]].copy()
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=100)
    multiple = sp.diags_array(rng.integers(1, 1000, size=60), dtype=None)
    cells.layers["counts"] = sp.csr_matrix(multiple @ cells.layers["counts"])
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=100, key_added="deep")
    np.testing.assert_array_equal(cells.obsm["deep"], cells.obsm["rank_value"])
    np.testing.assert_array_equal(cells.var["deep_median"], cells.var["rank_value_median"])


@pytest.mark.parametrize(
    "transform",
    [
        np.log1p,
        np.sqrt,
        lambda x: np.log2(1 + x),
        lambda x: x / x.sum(axis=1, keepdims=True) * 1e6,
        lambda x: np.log1p(x / x.sum(axis=1, keepdims=True) * 1e4),
    ],
)
def test_any_scale_that_can_be_undone(cells, transform):
    cells.layers["other"] = transform(cells.layers["counts"].toarray().astype(np.float64))
    medians = uneven_medians(cells)
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=100, medians=medians)
    expected = cells.obsm["rank_value"]
    cc.pp.rank_value_encode(cells, layer="other", n_tokens=100, medians=medians)
    np.testing.assert_array_equal(cells.obsm["rank_value"], expected)
    cc.pp.rank_value_encode(cells, layer="counts")
    expected = cells.var["rank_value_median"]
    cc.pp.rank_value_encode(cells, layer="other")
    np.testing.assert_allclose(cells.var["rank_value_median"], expected, rtol=1e-10)


def test_genes_that_were_left_out_are_spoken_of(cells):
    with pytest.warns(UserWarning, match="cells differ in their sum") as caught:
        cc.pp.rank_value_encode(cells, n_tokens=10)
    assert caught[0].filename == __file__
    cc.pp.rank_value_encode(cells, n_tokens=10, medians=cells.var["rank_value_median"])


def test_cells_without_counts(tiny):
    X = tiny.X.toarray()
    X[[3, 50]] = 0
    for kind in (np.asarray, sp.csr_matrix):
        tiny.X = kind(X)
        cc.pp.rank_value_encode(tiny, n_tokens=5)
        assert (tiny.obsm["rank_value"][[3, 50]] == -1).all()
    tiny.X = np.zeros_like(X)
    cc.pp.rank_value_encode(tiny, n_tokens=5)
    assert (tiny.obsm["rank_value"] == -1).all()
    assert tiny.var["rank_value_median"].isna().all()


def test_copy_and_views(cells, unchanged):
    with unchanged(cells):
        changed = cc.pp.rank_value_encode(cells, layer="counts", n_tokens=10, copy=True)
        view = cells[::2]
        assert cc.pp.rank_value_encode(view, layer="counts", n_tokens=10) is None
    assert changed.obsm["rank_value"].shape == (700, 10)
    assert not view.is_view
    assert view.obsm["rank_value"].shape == (350, 10)


def test_backed(cells, tmp_path):
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=20)
    for name, X in {
        "csr": cells.layers["counts"],
        "dense": cells.layers["counts"].toarray(),
    }.items():
        path = tmp_path / f"{name}.h5ad"
        ad.AnnData(X, var=cells.var[[]]).write_h5ad(path)
        backed = ad.read_h5ad(path, backed="r")
        cc.pp.rank_value_encode(backed, n_tokens=20)
        np.testing.assert_array_equal(backed.obsm["rank_value"], cells.obsm["rank_value"])
        with pytest.raises(ValueError, match=r"adata.to_memory\(\)"):
            cc.pp.rank_value_encode(backed, copy=True)
        backed.file.close()


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_dask(cells, container):
    array = pytest.importorskip("dask.array")
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=20)
    X = array.from_array(cells.layers["counts"].toarray(), chunks=(200, 400))
    lazy = ad.AnnData(X.map_blocks(container), var=cells.var[[]])
    cc.pp.rank_value_encode(lazy, n_tokens=20)
    np.testing.assert_array_equal(lazy.obsm["rank_value"], cells.obsm["rank_value"])


def test_files_hold_what_is_written(cells, tmp_path):
    cc.pp.rank_value_encode(cells, layer="counts", n_tokens=20)
    cells.write_h5ad(tmp_path / "x.h5ad")
    back = ad.read_h5ad(tmp_path / "x.h5ad")
    np.testing.assert_array_equal(back.obsm["rank_value"], cells.obsm["rank_value"])
    assert back.uns["rank_value"]["params"]["n_tokens"] == 20


def test_medians_that_do_not_fit(cells, unchanged):
    medians = uneven_medians(cells)
    with unchanged(cells):
        with pytest.raises(GeneError, match=r"no value for 1 expressed.*'HES4'.*cc.pp.align_genes"):
            cc.pp.rank_value_encode(cells, layer="counts", medians=medians.drop("HES4"))
        for bad in (0, -1):
            with pytest.raises(ValueError, match=f"medians holds {bad} for the expressed gene"):
                cc.pp.rank_value_encode(cells, layer="counts", medians=medians * 0 + bad)
        with pytest.raises(TypeError, match="medians is a dict; a pandas Series"):
            cc.pp.rank_value_encode(cells, layer="counts", medians={"HES4": 1.0})


def test_values_that_are_no_expression(cells, unchanged):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    cells.layers["z"] = (counts - counts.mean(axis=0)) / counts.std(axis=0).clip(0.1)
    cells.layers["negative"] = -counts
    cells.layers["nan"] = np.where(counts == 1, np.nan, counts)
    cells.layers["double"] = np.log1p(np.log1p(counts))
    with unchanged(cells):
        for layer, found in {"z": "z-scored", "negative": "negative", "double": "log"}.items():
            with pytest.raises(ScaleError, match=found):
                cc.pp.rank_value_encode(cells, layer=layer)
        with pytest.raises(ValuesError, match="NaN or infinite"):
            cc.pp.rank_value_encode(cells, layer="nan")


def test_arguments(cells):
    for n_tokens in (0, -5):
        with pytest.raises(ValueError, match=f"n_tokens={n_tokens} is less than 1"):
            cc.pp.rank_value_encode(cells, layer="counts", n_tokens=n_tokens)
    with pytest.raises(TypeError, match="integer"):
        cc.pp.rank_value_encode(cells, layer="counts", n_tokens=2.5)
    with pytest.raises(TypeError, match="n_tokens=None"):
        cc.pp.rank_value_encode(cells, layer="counts", n_tokens=None)
    with pytest.raises(ValueError, match="key_added='a/b' is no name"):
        cc.pp.rank_value_encode(cells, layer="counts", key_added="a/b")
    with pytest.raises(KeyError, match="layer='cuonts' is not in"):
        cc.pp.rank_value_encode(cells, layer="cuonts")
    for empty in (cells[:0].copy(), cells[:, :0].copy()):
        with pytest.raises(ValueError, match="At least one of each"):
            cc.pp.rank_value_encode(empty)
    with pytest.raises(TypeError, match="an AnnData is needed"):
        cc.pp.rank_value_encode(cells.X)
    cells.var_names = ["twice", "twice", *cells.var_names[2:]]
    with pytest.raises(GeneError, match="duplicated gene names"):
        cc.pp.rank_value_encode(cells, layer="counts")
