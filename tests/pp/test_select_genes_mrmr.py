import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import mutual_info_score

import cellclass as cc
from cellclass.errors import ValuesError

WRITTEN = tuple(f"adata.var.mrmr_{name}" for name in ("rank", "selected", "score"))
WRITTEN += ("adata.var", "adata.uns.mrmr")  # the list of columns, and the new ones
METHODS = ["cmim", "jmi", "correlation"]


def make(kind=sparse.csr_matrix, n_obs=150, n_vars=30, n_labels=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_labels, n_obs)
    codes[:n_labels] = np.arange(n_labels)
    rates = rng.gamma(0.5, 4, (n_labels, n_vars))[codes] * rng.gamma(5, 0.2, (n_obs, 1))
    return AnnData(
        kind(rng.poisson(rates).astype(np.float32)),
        obs=pd.DataFrame(
            {
                "cell_type": pd.Categorical([f"T/{code}" for code in codes]),
                "train": rng.random(n_obs) < 0.7,
                "score": rng.random(n_obs),
            },
            index=[f"cell{i}" for i in range(n_obs)],
        ),
        var=pd.DataFrame({"chromosome": "1"}, index=[f"GENE{i}" for i in range(n_vars)]),
    )


@pytest.fixture
def adata():
    return make()


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def coarse(X):
    """Codes of the documentation: terciles, at least 1 and 2, of counts at the median depth."""
    depth = X.sum(axis=1, keepdims=True)
    scaled = np.rint(X * (np.median(depth) / np.maximum(depth, 1)))
    ordered = np.sort(scaled, axis=0)
    low = np.maximum(ordered[len(X) // 3], 1)
    high = np.maximum(ordered[2 * len(X) // 3], low + 1)
    return (scaled >= low).astype(int) + (scaled >= high)


def cmim(codes, labels, n_selected):
    """Choose by the definition, with labels of equal size."""

    def both(x, w):
        return x * 3 + w

    alone = np.array([mutual_info_score(labels, x) for x in codes.T])
    scores, chosen, found = alone.copy(), [], []
    for _ in range(n_selected):
        best = int(np.argmax(np.where(np.isin(np.arange(scores.size), chosen), -1, scores)))
        chosen.append(best)
        found.append(scores[best])
        for gene, x in enumerate(codes.T):
            information = mutual_info_score(labels, both(x, codes[:, best])) - alone[best]
            scores[gene] = min(scores[gene], information)
    return np.array(found)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_equals_a_plain_reference(seed, n_labels):
    adata = make(np.asarray, n_obs=30 * n_labels, n_vars=8, n_labels=n_labels, seed=seed)
    labels = np.arange(adata.n_obs) % n_labels
    adata.obs["even"] = labels.astype(str)
    cc.pp.select_genes_mrmr(adata, "even", n_top_genes=8)
    expected = cmim(coarse(adata.X.astype(float)), labels, 8)
    found = adata.var.sort_values("mrmr_rank")["mrmr_score"]
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_sets_the_documented_fields(adata, method, unchanged):
    with unchanged(adata, but=WRITTEN):
        assert cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=5, method=method) is None
    rank, score = adata.var["mrmr_rank"], adata.var["mrmr_score"]
    assert adata.var.columns.tolist() == ["chromosome", "mrmr_rank", "mrmr_selected", "mrmr_score"]
    assert rank.dtype == score.dtype == np.float64
    assert adata.var["mrmr_selected"].dtype == bool
    assert sorted(rank.dropna()) == [0, 1, 2, 3, 4]
    assert (adata.var["mrmr_selected"] == rank.notna()).all()
    assert (score.notna() == rank.notna()).all()
    assert adata.uns["mrmr"]["params"] == {
        "groupby": "cell_type",
        "n_top_genes": 5,
        "method": method,
        "n_candidates": 30,
        "scheme": "difference",
        "layer": None,
        "mask_obs": None,
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "kind",
    [np.asarray, np.asfortranarray, sparse.csr_array, sparse.csc_matrix, sparse.csc_array],
)
def test_array_kinds_give_the_same_genes(adata, kind, method):
    other = make(kind)
    for each in (adata, other):
        cc.pp.select_genes_mrmr(each, "cell_type", n_top_genes=20, method=method)
    pd.testing.assert_frame_equal(adata.var, other.var, rtol=1e-12)


def test_duplicates_zeros_and_order_make_no_difference(adata, unchanged):
    X = adata.X.tocoo()
    half = np.floor(X.data / 2)
    data = np.r_[X.data - half, half].astype(np.int16)
    order = np.random.default_rng(0).permutation(data.size)
    rows, columns = np.r_[X.row, X.row][order], np.r_[X.col, X.col][order]
    by_row = np.argsort(rows, kind="stable")
    indptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=adata.n_obs))]
    messy = adata.copy()
    messy.X = sparse.csr_matrix((data[order][by_row], columns[by_row], indptr), adata.shape)
    assert messy.X.nnz == 2 * adata.X.nnz
    with unchanged(adata, messy, but=WRITTEN):
        for each in (adata, messy):
            cc.pp.select_genes_mrmr(each, "cell_type", n_top_genes=20)
    pd.testing.assert_frame_equal(adata.var, messy.var)


@pytest.mark.parametrize("method", METHODS)
def test_a_duplicated_gene_is_not_chosen_twice(method):
    rng = np.random.default_rng(0)
    codes = np.arange(300) % 3
    rates = np.array([[6, 0.2, 0.5], [0.2, 2, 0.5], [0.2, 0.2, 3]])
    X = rng.poisson(rates[codes])
    X = np.c_[X, X[:, 0], X[:, 0], rng.poisson(20, (300, 5))]
    cells = [f"cell{i}" for i in range(300)]
    adata = AnnData(X, obs=pd.DataFrame({"label": codes.astype(str)}, index=cells))
    cc.pp.rank_genes_js(adata, "label", n_top_genes=3, top_by="overall")
    assert adata.var_names[adata.var["js_selected"]].tolist() == ["0", "3", "4"]
    cc.pp.select_genes_mrmr(adata, "label", n_top_genes=3, method=method)
    assert adata.var["mrmr_selected"][["0", "3", "4"]].sum() == 1
    assert adata.var["mrmr_selected"][["1", "2"]].all()


@pytest.mark.parametrize("method", METHODS)
def test_fewer_genes_are_the_first_of_more(adata, method):
    many = cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=20, method=method, copy=True)
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=7, method=method)
    first = many.var["mrmr_rank"] < 7
    assert (adata.var["mrmr_selected"] == first).all()
    pd.testing.assert_series_equal(adata.var["mrmr_rank"], many.var["mrmr_rank"].where(first))


def test_schemes_differ_for_correlation_only(adata):
    ranks = {
        (method, scheme): cc.pp.select_genes_mrmr(
            adata, "cell_type", n_top_genes=20, method=method, scheme=scheme, copy=True
        ).var["mrmr_rank"]
        for method in ("cmim", "correlation")
        for scheme in ("quotient", "difference")
    }
    assert ranks["cmim", "quotient"].equals(ranks["cmim", "difference"])
    assert not ranks["correlation", "quotient"].equals(ranks["correlation", "difference"])


def test_only_candidates_are_chosen(adata):
    few = cc.pp.select_genes_mrmr(
        adata, "cell_type", n_candidates=np.int64(6), n_top_genes=np.int64(6), copy=True
    )
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=6)
    assert few.uns["mrmr"]["params"]["n_candidates"] == 6
    assert not few.var["mrmr_selected"].equals(adata.var["mrmr_selected"])


def test_copy(adata, unchanged):
    with unchanged(adata):
        copied = cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9, copy=True)
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9)
    pd.testing.assert_frame_equal(copied.var, adata.var)


def test_layer(adata):
    expected = cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9, copy=True).var
    adata.layers["counts"] = adata.X.astype(np.int64)
    adata.X = adata.X.log1p()
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9, layer="counts")
    pd.testing.assert_frame_equal(adata.var, expected)
    assert adata.uns["mrmr"]["params"]["layer"] == "counts"


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5, -1])
def test_mask_equals_the_subset(kind, method, value):
    adata = make(kind)
    arguments = {"n_top_genes": 9, "method": method}
    expected = cc.pp.select_genes_mrmr(
        adata[adata.obs["train"]], "cell_type", copy=True, **arguments
    )
    left_out = ~adata.obs["train"].to_numpy()
    X = dense(adata.X)
    X[left_out, 0] = value
    adata.X = kind(X)
    adata.obs.loc[left_out, "cell_type"] = np.nan
    for mask in ("train", adata.obs["train"].tolist()):
        cc.pp.select_genes_mrmr(adata, "cell_type", mask_obs=mask, key_added="mine", **arguments)
        pd.testing.assert_frame_equal(adata.var, expected.var)
        written = adata.uns["mine"]["params"]["mask_obs"]
        assert written == "train" if mask == "train" else (written == adata.obs["train"]).all()


def test_view(adata, unchanged):
    order = np.random.default_rng(1).permutation(adata.n_obs)[:80]
    view, real = adata[order, 3:22], adata[order, 3:22].copy()
    assert view.is_view
    with unchanged(adata):
        for each in (view, real):
            cc.pp.select_genes_mrmr(each, "cell_type", n_top_genes=9)
    pd.testing.assert_frame_equal(view.var, real.var)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_backed_and_round_trip(tmp_path, kind):
    adata = make(kind)
    adata.write_h5ad(tmp_path / "counts.h5ad")
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9, mask_obs="train")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    cc.pp.select_genes_mrmr(backed, "cell_type", n_top_genes=9, mask_obs="train")
    pd.testing.assert_frame_equal(backed.var, adata.var)
    with pytest.raises(ValueError, match=r"adata\.to_memory\(\)"):
        cc.pp.select_genes_mrmr(backed, "cell_type", n_top_genes=9, copy=True)
    backed.file.close()
    adata.write_h5ad(tmp_path / "chosen.h5ad")
    read = ad.read_h5ad(tmp_path / "chosen.h5ad")
    pd.testing.assert_frame_equal(read.var, adata.var)
    assert read.uns["mrmr"]["params"] == adata.uns["mrmr"]["params"]


@pytest.mark.parametrize("n_empty", [2, 100])
def test_cells_and_genes_without_counts(adata, n_empty):
    X = dense(adata.X)
    X[np.random.default_rng(0).permutation(adata.n_obs)[:n_empty]] = 0
    X[:, [2, 7]] = 0
    adata.X = sparse.csr_matrix(X)
    for method in METHODS:
        cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=30, method=method)
        assert np.isfinite(adata.var["mrmr_score"]).all()
        if n_empty == 2:  # else most cells have no counts, nor has the median cell
            assert set(adata.var["mrmr_rank"].iloc[[2, 7]]) <= set(range(20, 30))


@pytest.mark.parametrize(
    ("value", "error", "what"),
    [
        (np.nan, cc.errors.ValuesError, "2 NaN values.*'GENE5': nan"),
        (np.inf, cc.errors.ValuesError, "2 infinite values.*'GENE5': inf"),
        (-3, cc.errors.ValuesError, "2 negative values.*'GENE5': -3"),
        (2.5, cc.errors.ScaleError, "2 fractional values.*'GENE5': 2.5"),
        (2**24, cc.errors.ValuesError, "2 too large values.*'GENE5': 16777216"),
    ],
)
def test_values_that_are_no_counts(adata, value, error, what, unchanged):
    adata.layers["umis"] = adata.X.copy()
    X = dense(adata.X)
    X[7, 5] = X[3, 9] = value
    adata.X = sparse.csr_matrix(X)
    message = rf"^select_genes_mrmr needs counts.*adata\.X holds {what} in cell 'cell7'.*umis"
    with unchanged(adata), pytest.raises(error, match=message):
        cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=9)


def lose_labels(adata):
    adata.obs.loc["cell4", "cell_type"] = np.nan


def one_label(adata):
    adata.obs["cell_type"] = "T"


def duplicate_genes(adata):
    adata.var_names = ["GENE0", *adata.var_names[:-1]]


def nothing(adata):
    pass


@pytest.mark.parametrize(
    ("prepare", "arguments", "error", "message"),
    [
        (nothing, {"groupby": "celltype"}, KeyError, "groupby='celltype'.*'cell_type'"),
        (nothing, {"layer": "counts"}, KeyError, "layer='counts' is not in adata.layers"),
        (nothing, {"mask_obs": "trains"}, KeyError, "mask_obs='trains'.*'train'"),
        (nothing, {"mask_obs": "score"}, ValueError, r"obs\['score'\] has dtype float64"),
        (nothing, {"mask_obs": np.zeros(150, bool)}, ValueError, "leaves no cell"),
        (nothing, {"n_top_genes": 0}, ValueError, "n_top_genes=0 is outside 1 to 30"),
        (nothing, {"n_top_genes": 31}, ValueError, "=31 is outside 1 to 30.*there are 30 genes"),
        (nothing, {"n_candidates": 5}, ValueError, "=9 is outside 1 to 5.*n_candidates=5"),
        (nothing, {"n_candidates": 0}, ValueError, "n_candidates=0 is less than 1"),
        (nothing, {"n_top_genes": 2.5}, TypeError, "float"),
        (nothing, {"method": "mifs"}, ValueError, "method='mifs' is none of 'cmim', 'jmi', 'corr"),
        (nothing, {"scheme": "sum"}, ValueError, "scheme='sum' is none of 'difference', 'quo"),
        (lose_labels, {}, cc.errors.LabelError, "no label for 1 of 150 cells.*'cell4'"),
        (one_label, {}, cc.errors.LabelError, "one label"),
        (duplicate_genes, {}, cc.errors.GeneError, "such as 'GENE0'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_errors_leave_the_anndata_as_it_was(adata, prepare, arguments, error, message, unchanged):
    prepare(adata)
    arguments = {"groupby": "cell_type", "n_top_genes": 9, **arguments}
    with unchanged(adata), pytest.raises(error, match=message):
        cc.pp.select_genes_mrmr(adata, **arguments)


def test_no_counts_in_x_and_no_cells(adata):
    empty = AnnData(np.zeros((0, 3)), obs=pd.DataFrame({"cell_type": []}, index=pd.Index([], str)))
    with pytest.raises(ValueError, match="At least one of each"):
        cc.pp.select_genes_mrmr(empty, "cell_type")
    adata.X = None
    with pytest.raises(ValueError, match=r"adata\.X is empty"):
        cc.pp.select_genes_mrmr(adata, "cell_type")


def test_real_blood_cells_have_one_gene_of_each_program(real_data):
    adata = ad.read_h5ad(real_data / "pbmc3k.h5ad")
    adata = adata[adata.obs["cell_type"].notna()].copy()
    with pytest.warns(UserWarning, match="Platelet"):
        cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=20, top_by="overall")
    cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=20)

    def correlation(selected):
        X = np.log1p(dense(adata.X[:, selected.to_numpy()]))
        return np.abs(np.corrcoef(X.T)[np.triu_indices(20, 1)]).mean()

    chosen = adata.var["mrmr_selected"]
    assert correlation(chosen) < 0.8 * correlation(adata.var["js_selected"])
    assert chosen["NKG7"]


def test_entries_outside_the_matrix_are_refused():
    adata = cc.datasets.simulate_counts(60, 100, 2)
    adata.X.indices[5] = 10_000_000
    with pytest.raises(ValuesError, match="outside its 100 places"):
        cc.pp.select_genes_mrmr(adata, "cell_type", n_top_genes=5)
