"""A bound query reads the same cells the same way, whatever holds them and in whatever order."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from cellclass._checks import label_codes
from cellclass.contract import InputContract


@pytest.fixture(scope="module")
def contract(_cells):
    codes, labels = label_codes(_cells.obs["cell_type"], "cell_type")
    return InputContract.learn(
        _cells.copy(),
        layer="counts",
        codes=codes,
        labels=tuple(labels),
        parts=[np.arange(_cells.n_obs)],
        n_top_genes=60,
    )[0]


@pytest.fixture(scope="module")
def expected(contract, _cells):
    return contract.bind(_cells).read(slice(None))


KINDS = [
    np.asarray,
    np.asfortranarray,
    sp.csr_matrix,
    sp.csr_array,
    sp.csc_matrix,
    sp.csc_array,
    lambda X: X.astype(np.int32),
    lambda X: X.astype(np.float64),
    lambda X: sp.csr_matrix(X.astype(np.uint16)),
]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_array_kinds(cells, contract, expected, kind, unchanged):
    cells.layers["counts"] = KINDS[kind](cells.layers["counts"].toarray())
    with unchanged(cells):
        found = contract.bind(cells).read(slice(None))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_backed(cells, contract, expected, kind, tmp_path):
    X = kind(cells.layers["counts"].toarray())
    ad.AnnData(X, obs=cells.obs, var=cells.var).write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    bound = contract.bind(backed)
    np.testing.assert_array_equal(bound.read(slice(None)), expected)
    np.testing.assert_array_equal(bound.read(np.array([3, 99])), expected[[3, 99]])
    assert not bound.empty_cells().any()
    assert backed.isbacked


def test_stored_badly_but_legally(cells, contract, expected):
    X = cells.layers["counts"].tocsr().copy()
    # every entry in halves, in reverse order, and an explicit zero in each row
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    rows = np.concatenate([rows, rows, np.arange(X.shape[0])])
    columns = np.concatenate([X.indices, X.indices, np.full(X.shape[0], 7)])
    data = np.concatenate([X.data * 2, -X.data, np.zeros(X.shape[0])])
    order = np.lexsort((-columns, rows))
    bad = sp.csr_matrix(X.shape, dtype=np.float64)
    bad.data, bad.indices = data[order], columns[order].astype(np.int32)
    bad.indptr = np.concatenate([[0], np.bincount(rows, minlength=X.shape[0]).cumsum()]).astype(
        np.int32
    )
    nnz = bad.nnz
    cells.layers["counts"] = bad
    np.testing.assert_array_equal(contract.bind(cells).read(slice(None)), expected)
    assert cells.layers["counts"].nnz == nnz


def test_view_cells_and_genes_in_any_order(cells, contract, expected, unchanged):
    rng = np.random.default_rng(0)
    rows, genes = rng.permutation(cells.n_obs), rng.permutation(cells.n_vars)
    view = cells[rows, genes]
    with unchanged(view, cells):
        found = contract.bind(view).read(slice(None))
    np.testing.assert_array_equal(found, expected[rows])
    assert view.is_view


@pytest.mark.parametrize("size", [1, 7, 700, 4096])
def test_chunks_of_any_size(cells, contract, expected, size):
    bound = contract.bind(cells)
    parts = list(bound.chunks(size))
    np.testing.assert_array_equal(np.vstack([x for _, x in parts]), expected)
    assert sum(rows.stop - rows.start for rows, _ in parts) == bound.n_obs


def test_one_cell_at_a_time(cells, contract, expected):
    for i in (0, 5, 699):
        np.testing.assert_array_equal(
            contract.bind(cells[i]).read(slice(None)), expected[i : i + 1]
        )


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scale", ["normalized", "log1p"])
def test_other_scales_of_the_same_cells(cells, contract, expected, scale, dense):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    X = counts / counts.sum(axis=1, keepdims=True) * 1e4
    X = np.log1p(X) if scale == "log1p" else X
    cells.layers["counts"] = X if dense else sp.csr_matrix(X)
    bound = contract.bind(cells)
    assert bound.scale.name == scale
    np.testing.assert_allclose(bound.read(slice(None)), expected, rtol=1e-5, atol=1e-6)


def test_missing_genes_are_filled_and_reported(cells, contract):
    gone = contract.model_genes[[1, 4]]
    query = cells[:, ~cells.var_names.isin(gone)].copy()
    bound = contract.bind(query)
    x = bound.read(slice(None))
    np.testing.assert_array_equal(x[:, [1, 4]], np.tile(contract.fill[[1, 4]], (700, 1)))
    report = bound.report()
    assert report["genes_missing"].tolist() == gone.tolist()
    assert report["n_genes_missing"] == 2
    assert report["n_genes_matched"] == 58
    share = contract.importance[[1, 4]].sum() / contract.importance.sum()
    assert report["missing_importance"] == pytest.approx(share)


def test_missing_genes_hardly_move_the_others(cells, contract, expected):
    """The total of a cell is corrected for the genes that are not there."""
    rng = np.random.default_rng(0)
    keep = np.sort(rng.permutation(cells.n_vars)[: cells.n_vars * 4 // 5])
    bound = contract.bind(cells[:, keep])
    there = np.setdiff1d(np.arange(60), bound.match.missing)
    gap = bound.read(slice(None))[:, there] - expected[:, there]
    assert np.abs(gap).mean() < 0.1
    assert abs(gap.mean()) < 0.05


def test_extra_genes_change_nothing(cells, contract, expected):
    extra = ad.AnnData(sp.csr_matrix(np.full((700, 3), 9.0)), obs=cells.obs, var={"n": list("abc")})
    extra.var_names = ["extra1", "extra2", "extra3"]
    counts = ad.AnnData(cells.layers["counts"], obs=cells.obs, var=cells.var[[]])
    both = ad.concat([extra, counts], axis=1)
    bound = contract.bind(both)
    assert bound.report()["n_genes_extra"] == 3
    np.testing.assert_array_equal(bound.read(slice(None)), expected)


def test_report_of_a_whole_query(cells, contract):
    report = contract.bind(cells, layer=None).report()
    assert report["source"] == "adata.layers['counts']"
    assert report["scale"] == "counts"
    target = f"log1p of counts per {contract.target_sum:g}"
    assert report["conversion"] == f"counts → {target}"
    assert report["n_obs"] == 700
    assert report["n_genes_expected"] == report["n_genes_matched"] == 60
    assert report["n_genes_extra"] == report["n_genes_missing"] == 0
    assert report["genes_missing"].size == 0
    assert report["missing_importance"] == 0


def test_empty_cells_are_those_without_known_counts(cells, contract):
    counts = cells.layers["counts"].tolil()
    counts[[2, 698]] = 0
    cells.layers["counts"] = counts.tocsr()
    assert np.flatnonzero(contract.bind(cells).empty_cells()).tolist() == [2, 698]
    x = contract.bind(cells).read(np.array([2, 698]))
    assert not x.any()


def test_warning_when_much_is_missing(cells, contract, recwarn):
    contract.bind(cells).warn()
    assert len(recwarn) == 0
    gone = contract.model_genes[:20]
    bound = contract.bind(cells[:, ~cells.var_names.isin(gone)])
    with pytest.warns(UserWarning, match="lacks 20 of the 60 genes.*such as " + gone[0]):
        bound.warn()


@pytest.mark.parametrize(("n_genes", "fewest"), [(765, 4), (32, 4), (31, 3), (16, 2), (7, 1)])
def test_nearly_empty_cells(cells, contract, n_genes, fewest):
    """As many expressed genes are asked for as a panel can be expected to show."""
    counts = np.zeros((6, n_genes))
    for row in range(6):
        counts[row, :row] = 7
    bound = contract.bind(cells)
    bound = replace(
        bound,
        X=sp.csr_matrix(counts),
        match=replace(bound.match, known=np.ones(n_genes, dtype=bool)),
    )
    assert bound.empty_cells().tolist() == [row < fewest for row in range(6)]
    dense = replace(bound, X=counts)
    np.testing.assert_array_equal(dense.empty_cells(), bound.empty_cells())


def test_empty_cells_where_a_constant_was_added(cells, contract):
    counts = cells.layers["counts"].toarray()
    counts[[2, 698]] = 0
    cells.layers["counts"] = counts + 0.25
    bound = contract.bind(cells)
    assert np.flatnonzero(bound.empty_cells()).tolist() == [2, 698]
    assert not bound.read(np.array([2, 698])).any()


def test_report_says_what_was_undone(cells, contract):
    cells.layers["counts"] = np.log2(1 + cells.layers["counts"].toarray())
    report = contract.bind(cells).report()
    assert report["scale"] == "log1p"
    target = f"log1p of counts per {contract.target_sum:g}"
    assert report["conversion"] == f"log1p (base 2) of counts → {target}"


@pytest.mark.parametrize("scale", ["counts", "log2", "sqrt"])
def test_dask(cells, contract, expected, scale):
    array = pytest.importorskip("dask.array")
    transform = {"counts": np.asarray, "log2": lambda x: np.log2(1 + x), "sqrt": np.sqrt}[scale]
    X = transform(cells.layers["counts"].toarray().astype(np.float64))
    cells.layers["counts"] = array.from_array(X, chunks=(300, -1)).map_blocks(sp.csr_matrix)
    bound = contract.bind(cells)
    np.testing.assert_array_equal(bound.read(slice(None)), expected)
    np.testing.assert_array_equal(bound.read(np.array([3, 99])), expected[[3, 99]])
    assert not bound.empty_cells().any()
