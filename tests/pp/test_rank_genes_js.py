import os
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse
from scipy.stats import false_discovery_control
from sklearn.metrics import mutual_info_score

import cellclass as cc
from cellclass.kernels import count_divergence

COLUMNS = ["js_divergence", "js_rank", "js_selected", "js_pval", "js_pval_adj"]
DATA = os.environ.get("CELLCLASS_TEST_DATA")


def make(kind=sparse.csr_matrix, n_obs=120, n_vars=15, n_labels=3):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, n_labels, n_obs)
    codes[:n_labels] = np.arange(n_labels)
    X = rng.poisson(rng.gamma(0.5, 4, (n_labels, n_vars))[codes]).astype(np.float32)
    return AnnData(
        kind(X),
        obs=pd.DataFrame(
            {
                "cell_type": pd.Categorical([f"T/{code}" for code in codes]),
                "train": rng.random(n_obs) < 0.7,
                "score": rng.random(n_obs),
                "batch": np.arange(n_obs) % 2,
            },
            index=[f"cell{i}" for i in range(n_obs)],
        ),
        var=pd.DataFrame({"chromosome": "1"}, index=[f"GENE{i}" for i in range(n_vars)]),
    )


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def snapshot(adata):
    return adata.copy()


def assert_same(adata, before):
    assert dense(adata.X).dtype == dense(before.X).dtype
    np.testing.assert_array_equal(dense(adata.X), dense(before.X))
    assert list(adata.layers) == list(before.layers)
    for name in adata.layers:
        np.testing.assert_array_equal(dense(adata.layers[name]), dense(before.layers[name]))
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    pd.testing.assert_frame_equal(adata.var, before.var)
    assert adata.uns == before.uns


@pytest.fixture
def adata():
    return make()


def test_sets_the_documented_fields(adata):
    before = snapshot(adata)
    assert cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=4) is None
    codes = adata.obs["cell_type"].cat.codes.to_numpy()
    divergence = adata.var["js_divergence"]
    assert divergence.dtype == np.float64
    np.testing.assert_array_equal(divergence, count_divergence(adata.X, codes, 3))
    assert adata.var["js_rank"].dtype == np.int64
    assert sorted(adata.var["js_rank"]) == list(range(15))
    assert (np.diff(divergence.iloc[np.argsort(adata.var["js_rank"])]) <= 0).all()
    assert adata.var["js_selected"].dtype == bool
    assert adata.var["js_selected"].sum() == 4
    for name in ("js_pval", "js_pval_adj"):
        assert adata.var[name].dtype == np.float64
        assert adata.var[name].between(0, 1).all()
    entry = adata.uns.pop("rank_genes_js")
    assert entry["params"] == {
        "method": "js",
        "groupby": "cell_type",
        "reference": "rest",
        "use_raw": False,
        "corr_method": "benjamini-hochberg",
        "layer": None,
        "mask_obs": None,
        "batch_key": None,
        "n_top_genes": 4,
        "top_by": "per_label",
        "weights": "uniform",
        "bins": None,
        "normalize": False,
        "n_permutations": 0,
    }
    assert entry["label_weights"].index.tolist() == ["T/0", "T/1", "T/2"]
    assert entry["label_weights"]["n_cells"].tolist() == np.bincount(codes).tolist()
    assert entry["label_weights"]["weight"].tolist() == [1 / 3] * 3
    pd.testing.assert_frame_equal(entry["ranking"], adata.var[COLUMNS])
    adata.var = adata.var.drop(columns=COLUMNS)
    assert_same(adata, before)


@pytest.mark.parametrize(
    "kind",
    [
        np.ascontiguousarray,
        np.asfortranarray,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.csc_array,
    ],
)
def test_array_kinds_give_the_same_bits(adata, kind):
    other = make(kind)
    for each in (adata, other):
        cc.pp.rank_genes_js(each, "cell_type")
    pd.testing.assert_frame_equal(adata.var, other.var, check_exact=True)


def test_without_n_top_genes_all_are_selected(adata):
    cc.pp.rank_genes_js(adata, "cell_type")
    assert adata.var["js_selected"].all()
    assert adata.uns["rank_genes_js"]["params"]["n_top_genes"] is None


def test_ties_keep_the_order_of_var(adata):
    adata.X = sparse.csr_matrix(np.ones(adata.shape))
    cc.pp.rank_genes_js(adata, "cell_type")
    assert (adata.var["js_divergence"] == 0).all()
    assert adata.var["js_rank"].tolist() == list(range(15))


def test_copy(adata):
    before = snapshot(adata)
    copied = cc.pp.rank_genes_js(adata, "cell_type", copy=True)
    assert_same(adata, before)
    cc.pp.rank_genes_js(adata, "cell_type")
    pd.testing.assert_frame_equal(copied.var, adata.var)


def test_layer(adata):
    expected = cc.pp.rank_genes_js(adata, "cell_type", copy=True).var["js_divergence"]
    adata.layers["counts"] = adata.X.astype(np.int64)
    adata.X = adata.X.log1p()
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts")
    pd.testing.assert_series_equal(adata.var["js_divergence"], expected)
    assert adata.uns["rank_genes_js"]["params"]["layer"] == "counts"


def test_frequency_weights_are_the_mutual_information(adata):
    cc.pp.rank_genes_js(adata, "cell_type", weights="frequency")
    expected = [mutual_info_score(adata.obs["cell_type"], x) for x in dense(adata.X).T]
    np.testing.assert_allclose(adata.var["js_divergence"], expected, atol=1e-12)
    share = adata.obs["cell_type"].value_counts(normalize=True).sort_index()
    entry = adata.uns["rank_genes_js"]
    assert entry["label_weights"]["weight"].tolist() == share.tolist()
    assert entry["params"]["weights"] == "frequency"


def test_own_weights(adata):
    shares = {"T/2": 0.5, "T/0": 0.2, "T/1": 0.3}
    cc.pp.rank_genes_js(adata, "cell_type", weights=shares)
    codes = adata.obs["cell_type"].cat.codes
    expected = count_divergence(adata.X, codes, 3, weights=[0.2, 0.3, 0.5])
    np.testing.assert_array_equal(adata.var["js_divergence"], expected)
    entry = adata.uns["rank_genes_js"]
    assert entry["params"]["weights"] == "custom"
    assert entry["label_weights"]["weight"].to_dict() == shares


@pytest.mark.parametrize("by_name", [True, False])
def test_mask_equals_the_subset(adata, by_name):
    expected = cc.pp.rank_genes_js(adata[adata.obs["train"]], "cell_type", copy=True)
    left_out = ~adata.obs["train"].to_numpy()
    X = dense(adata.X)
    X[left_out, 0] = 0.5
    adata.X = sparse.csr_matrix(X)
    adata.obs.loc[left_out, "cell_type"] = np.nan
    mask = adata.obs["train"]
    cc.pp.rank_genes_js(adata, "cell_type", mask_obs="train" if by_name else mask.tolist())
    pd.testing.assert_frame_equal(adata.var, expected.var, check_exact=True)
    entry = adata.uns["rank_genes_js"]
    assert entry["label_weights"]["n_cells"].sum() == mask.sum()
    if by_name:
        assert entry["params"]["mask_obs"] == "train"
    else:
        np.testing.assert_array_equal(entry["params"]["mask_obs"], mask)


def test_labels_of_other_types(adata):
    expected = cc.pp.rank_genes_js(adata, "cell_type", copy=True).var
    adata.obs["number"] = adata.obs["cell_type"].cat.codes
    adata.obs["text"] = adata.obs["cell_type"].astype(str)
    adata.obs["unused"] = adata.obs["cell_type"].cat.add_categories(["never"])
    for key in ("number", "text", "unused"):
        cc.pp.rank_genes_js(adata, key)
        pd.testing.assert_frame_equal(adata.var, expected)


def test_view(adata):
    order = np.random.default_rng(1).permutation(adata.n_obs)[:80]
    view, real = adata[order, 3:12], adata[order, 3:12].copy()
    assert view.is_view
    before = snapshot(adata)
    for each in (view, real):
        cc.pp.rank_genes_js(each, "cell_type")
    pd.testing.assert_frame_equal(view.var, real.var, check_exact=True)
    assert_same(adata, before)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_backed(tmp_path, kind):
    adata = make(kind)
    adata.write_h5ad(tmp_path / "counts.h5ad")
    cc.pp.rank_genes_js(adata, "cell_type")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    cc.pp.rank_genes_js(backed, "cell_type")
    pd.testing.assert_frame_equal(backed.var, adata.var, check_exact=True)
    with pytest.raises(ValueError, match=r"adata\.to_memory\(\)"):
        cc.pp.rank_genes_js(backed, "cell_type", copy=True)
    backed.file.close()


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_read_lazy(tmp_path, suffix):
    pytest.importorskip("dask")
    pytest.importorskip("xarray")
    adata = make()
    path = tmp_path / f"counts.{suffix}"
    with warnings.catch_warnings():  # of the version of the format
        warnings.simplefilter("ignore")
        adata.write_zarr(path) if suffix == "zarr" else adata.write_h5ad(path)
    cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=4)
    lazy = ad.experimental.read_lazy(path)
    in_memory = AnnData(lazy.X, obs=lazy.obs.to_memory(), var=lazy.var.to_memory())
    cc.pp.rank_genes_js(in_memory, "cell_type", n_top_genes=4)
    pd.testing.assert_frame_equal(
        in_memory.var[list(adata.var)], adata.var, check_exact=True, check_names=False
    )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, cc.errors.ScaleError, r"counts, whole numbers.*normalised.*bins=8"),
        ({"bins": 8, "normalize": True}, cc.errors.ScaleError, "counts, whole numbers"),
        ({"bins": ("quantile", 4)}, None, ""),
    ],
)
def test_fractions(given, error, message):
    adata = make()
    adata.X = adata.X * 0.3
    if error is None:
        cc.pp.rank_genes_js(adata, "cell_type", **given)
        adata.X.data[0] = np.nan
        error, message = cc.errors.ValuesError, r"needs numbers from 0 to below 2\*\*24.* 1 NaN"
    with pytest.raises(error, match=message):
        cc.pp.rank_genes_js(adata, "cell_type", **given)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_obs": "train", "n_top_genes": np.int64(3), "weights": "frequency"},
        {"mask_obs": np.arange(120) > 10, "weights": {"T/0": 1.0, "T/1": 0.0, "T/2": 0.0}},
    ],
)
def test_round_trip_through_h5ad(adata, tmp_path, arguments):
    cc.pp.rank_genes_js(adata, "cell_type", key_added="mine", **arguments)
    adata.write_h5ad(tmp_path / "ranked.h5ad")
    read = ad.read_h5ad(tmp_path / "ranked.h5ad")
    pd.testing.assert_frame_equal(read.var, adata.var, check_exact=True)
    before, after = adata.uns["mine"], read.uns["mine"]
    assert set(after) == set(before)
    for name in ("label_weights", "ranking"):
        pd.testing.assert_frame_equal(after[name], before[name], check_exact=True)
    assert set(after["params"]) == set(before["params"])
    for name, value in before["params"].items():
        np.testing.assert_array_equal(after["params"][name], value)


def test_a_later_ranking_keeps_the_earlier_one_under_its_key(adata):
    cc.pp.rank_genes_js(adata, "cell_type", key_added="first")
    first = adata.var[COLUMNS].copy()
    adata.obs["half"] = np.arange(adata.n_obs) % 2
    cc.pp.rank_genes_js(adata, "half")
    assert not first.equals(adata.var[COLUMNS])
    pd.testing.assert_frame_equal(adata.uns["first"]["ranking"], first)


def spoil(adata, value, layer=None):
    X = dense(adata.X if layer is None else adata.layers[layer]).astype(np.float64)
    X[7, 5] = X[3, 9] = value
    if layer is None:
        adata.X = sparse.csr_matrix(X)
    else:
        adata.layers[layer] = sparse.csr_matrix(X)


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
@pytest.mark.parametrize("layer", [None, "scaled"])
def test_values_that_are_no_counts(adata, value, error, what, layer):
    if layer:
        adata.layers[layer] = adata.X.copy()
    spoil(adata, value, layer)
    adata.layers["umis"] = sparse.csc_array(np.ones(adata.shape, dtype=int))
    adata.layers["norm"] = np.full(adata.shape, 0.5)
    before = snapshot(adata)
    fix = (
        r'layer=None, for adata\.X or layer="umis"\.$' if layer else r'the counts: layer="umis"\.$'
    )
    where = r"adata\.layers\['scaled'\]" if layer else r"adata\.X"
    with pytest.raises(error, match=rf"{where} holds {what} in cell 'cell7'.*{fix}") as caught:
        cc.pp.rank_genes_js(adata, "cell_type", layer=layer)
    assert (type(caught.value) is cc.errors.ScaleError) == (value == 2.5)
    assert_same(adata, before)


def test_no_place_with_counts(adata):
    adata.X = adata.X.log1p()
    adata.layers["names"] = np.full(adata.shape, "a")
    with pytest.raises(cc.errors.ScaleError, match=r"as yet neither adata\.X nor a layer"):
        cc.pp.rank_genes_js(adata, "cell_type")


def lose_labels(adata):
    adata.obs.loc["cell4", "cell_type"] = np.nan


def blank_labels(adata):
    adata.obs["cell_type"] = adata.obs["cell_type"].astype(str)
    adata.obs.loc["cell4", "cell_type"] = " "


def no_labels(adata):
    adata.obs["cell_type"] = pd.Categorical([None] * adata.n_obs)


def lose_batch(adata):
    adata.obs["batch"] = adata.obs["batch"].astype("category")
    adata.obs.loc["cell4", "batch"] = np.nan


def one_label(adata):
    adata.obs["cell_type"] = "T"


def duplicate_genes(adata):
    adata.var_names = ["GENE0", *adata.var_names[:-1]]


def lose_x(adata):
    adata.X = None


def nothing(adata):
    pass


@pytest.mark.parametrize(
    ("prepare", "arguments", "error", "message"),
    [
        (nothing, {"groupby": "celltype"}, KeyError, "groupby='celltype'.*'cell_type'"),
        (nothing, {"layer": "counts"}, KeyError, "layer='counts' is not in adata.layers"),
        (nothing, {"mask_obs": "trains"}, KeyError, "mask_obs='trains'.*'train'"),
        (nothing, {"mask_obs": "score"}, ValueError, r"obs\['score'\] has dtype float64"),
        (nothing, {"mask_obs": [True, False]}, ValueError, r"shape \(2,\).*\(120,\)"),
        (nothing, {"mask_obs": np.zeros(120, bool)}, ValueError, "leaves no cell"),
        (nothing, {"mask_obs": np.arange(120) == 0}, cc.errors.LabelError, "one label"),
        (nothing, {"n_top_genes": 0}, ValueError, "n_top_genes=0 is outside 1 to 15"),
        (nothing, {"n_top_genes": 16}, ValueError, "n_top_genes=16 is outside 1 to 15"),
        (nothing, {"n_top_genes": 2.5}, TypeError, "float"),
        (nothing, {"weights": "equal"}, ValueError, "weights='equal' is neither"),
        (nothing, {"weights": {"T/0": 1}}, cc.errors.LabelError, r"no weight for \['T/1', 'T/2'\]"),
        (
            nothing,
            {"weights": {"T/0": 0.5, "T/1": 0.2, "T/2": 0.3, "B": 0}},
            cc.errors.LabelError,
            r"no cell has: \['B'\]",
        ),
        (
            nothing,
            {"weights": {"T/0": 2, "T/1": -1, "T/2": 0}},
            ValueError,
            "negative or non-finite",
        ),
        (
            nothing,
            {"weights": {"T/0": 0.5, "T/1": 0.2, "T/2": 0.2}},
            ValueError,
            "sum to 0.9, not 1. Divide them",
        ),
        (no_labels, {}, cc.errors.LabelError, "no label"),
        (nothing, {"batch_key": "run"}, KeyError, "batch_key='run'.*'batch'"),
        (nothing, {"batch_key": "cell_type"}, cc.errors.LabelError, "No batch .* two labels"),
        (lose_batch, {"batch_key": "batch"}, ValueError, "no batch for 1 of 120.*'cell4'"),
        (nothing, {"top_by": "label"}, ValueError, "top_by='label' is neither"),
        (nothing, {"n_genes": 0}, ValueError, "n_genes=0 is less than 1"),
        (nothing, {"n_permutations": -1}, ValueError, "n_permutations=-1 is less than 0"),
        (nothing, {"n_threads": 0}, ValueError, "n_threads=0 is less than 1"),
        (one_label, {}, cc.errors.LabelError, "one label"),
        (duplicate_genes, {}, cc.errors.GeneError, "such as 'GENE0'"),
        (lose_x, {}, ValueError, "adata.X is empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_errors_leave_the_anndata_as_it_was(adata, prepare, arguments, error, message):
    prepare(adata)
    before = snapshot(adata)
    with pytest.raises(error, match=message):
        cc.pp.rank_genes_js(adata, **{"groupby": "cell_type", **arguments})
    if adata.X is None:
        adata.X = before.X = np.zeros(adata.shape)
    assert_same(adata, before)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_no_cells_or_no_genes(shape):
    cells, genes = ([f"{axis}{i}" for i in range(n)] for axis, n in zip("cg", shape, strict=True))
    obs = pd.DataFrame({"cell_type": "T"}, index=cells)
    adata = AnnData(np.zeros(shape), obs=obs, var=pd.DataFrame(index=genes))
    with pytest.raises(ValueError, match="At least one of each"):
        cc.pp.rank_genes_js(adata, "cell_type")


@pytest.mark.parametrize("lose", [lose_labels, blank_labels])
def test_cells_without_a_label_are_left_out_with_a_warning(adata, lose):
    lose(adata)
    rest = adata[adata.obs_names != "cell4"].copy()
    cc.pp.rank_genes_js(rest, "cell_type")
    with pytest.warns(UserWarning, match=r"1 of 120 cells have no label in obs\['cell_type'\]"):
        cc.pp.rank_genes_js(adata, "cell_type")
    pd.testing.assert_frame_equal(adata.var, rest.var, check_exact=True)
    assert adata.uns["rank_genes_js"]["label_weights"]["n_cells"].sum() == 119


def test_labels_of_few_cells_warn_with_uniform_weights():
    adata = make(n_obs=45)
    few = adata.obs["cell_type"].value_counts()
    assert few.min() < 20
    match = rf"fewer than 20 cells: .*'{few.idxmin()}' \({few.min()}\)"
    with pytest.warns(UserWarning, match=match):
        cc.pp.rank_genes_js(adata, "cell_type")
    cc.pp.rank_genes_js(adata, "cell_type", weights="frequency")


def test_deep_counts_warn():
    adata = make()
    adata.X = np.random.default_rng(0).integers(0, 100_000, adata.shape)
    with pytest.warns(UserWarning, match='counts are deep.*bins="log2"'):
        cc.pp.rank_genes_js(adata, "cell_type")


def test_a_warning_that_is_an_error_leaves_the_anndata_as_it_was(adata):
    lose_labels(adata)
    before = snapshot(adata)
    with pytest.raises(UserWarning, match="no label"):
        cc.pp.rank_genes_js(adata, "cell_type")
    assert_same(adata, before)


def test_rankings_of_the_labels(adata):
    cc.pp.rank_genes_js(adata, "cell_type")
    entry = adata.uns["rank_genes_js"]
    codes = adata.obs["cell_type"].cat.codes.to_numpy()
    X = dense(adata.X)
    for k, label in enumerate(["T/0", "T/1", "T/2"]):
        names = entry["names"][label]
        scores = pd.Series(entry["scores"][label], index=names)
        assert (np.diff(scores) <= 0).all()
        expected = count_divergence(adata.X, (codes == k).astype(int), 2)
        means = X[codes == k].mean(axis=0), X[codes != k].mean(axis=0)
        expected = pd.Series(np.sign(means[0] - means[1]) * expected, index=adata.var_names)
        np.testing.assert_allclose(scores, expected[names], atol=1e-7)
        change = pd.Series(np.log2((means[0] + 1e-9) / (means[1] + 1e-9)), index=adata.var_names)
        np.testing.assert_allclose(entry["logfoldchanges"][label], change[names], rtol=1e-5)
        shares = pd.Series((X[codes == k] > 0).mean(axis=0), index=adata.var_names)
        np.testing.assert_allclose(entry["pct_nz_group"][label], shares[names], rtol=1e-6)
        pvals, adjusted = entry["pvals"][label], entry["pvals_adj"][label]
        np.testing.assert_allclose(adjusted, false_discovery_control(pvals), rtol=1e-12)


def test_n_genes_keeps_the_first(adata):
    every = cc.pp.rank_genes_js(adata, "cell_type", copy=True).uns["rank_genes_js"]
    cc.pp.rank_genes_js(adata, "cell_type", n_genes=4)
    entry = adata.uns["rank_genes_js"]
    for name in ("names", "scores", "logfoldchanges", "pvals", "pvals_adj", "pct_nz_reference"):
        assert entry[name].dtype == every[name].dtype
        assert entry[name].tolist() == every[name][:4].tolist()


def test_top_by(adata):
    cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=5, top_by="overall")
    assert (adata.var["js_selected"] == (adata.var["js_rank"] < 5)).all()
    for given in ({"normalize": False}, {"normalize": True, "bins": "log2"}):
        cc.pp.rank_genes_js(adata, "cell_type", n_top_genes=3, **given)
        entry = adata.uns["rank_genes_js"]
        selected = set(adata.var_names[adata.var["js_selected"]])
        for label in entry["names"].dtype.names:
            scores = entry["scores"][label]
            best = np.argmax(np.where(scores < 0, -scores / 2, scores))
            assert entry["names"][label][best] in selected


@pytest.mark.parametrize("batch_key", [None, "batch"])
def test_a_panel_is_chosen_at_the_median_depth(batch_key):
    adata = confounded(600)
    adata.X[:100] *= 7
    given = {"n_top_genes": 3, "batch_key": batch_key}
    cc.pp.rank_genes_js(adata, "label", **given)
    default = adata.var.copy()
    cc.pp.rank_genes_js(adata, "label", normalize=True, bins="log2", **given)
    assert (adata.var["js_selected"] == default["js_selected"]).all()
    cc.pp.rank_genes_js(adata, "label", normalize=False, **given)
    columns = ["js_divergence", "js_rank", "js_pval"]
    pd.testing.assert_frame_equal(adata.var[columns], default[columns], check_exact=True)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_threads_give_the_same_bits(adata, n_threads):
    expected = cc.pp.rank_genes_js(adata, "cell_type", copy=True)
    cc.pp.rank_genes_js(adata, "cell_type", n_threads=n_threads)
    pd.testing.assert_frame_equal(adata.var, expected.var, check_exact=True)


def confounded(n_obs=3000):
    """Gene 0 marks a label, gene 1 a batch that holds more of one label, gene 2 nothing."""
    rng = np.random.default_rng(0)
    batch = np.arange(n_obs) % 3
    label = (rng.random(n_obs) < np.array([0.2, 0.5, 0.8])[batch]).astype(int)
    rates = np.column_stack([1 + 2 * label, 1 + 3 * batch, np.ones(n_obs)])
    X = rng.poisson(np.column_stack([rates, rates]))
    obs = pd.DataFrame(
        {"label": [f"L{k}" for k in label], "batch": [f"B{b}" for b in batch]},
        index=[f"c{i}" for i in range(n_obs)],
    )
    return AnnData(sparse.csr_matrix(X.astype(np.float32)), obs=obs)


def test_a_batch_effect_is_no_marker():
    adata = confounded()
    cc.pp.rank_genes_js(adata, "label")
    assert adata.var["js_pval"].iloc[1] < 1e-10
    plain = adata.var["js_divergence"].to_numpy()
    cc.pp.rank_genes_js(adata, "label", batch_key="batch")
    within = adata.var["js_divergence"].to_numpy()
    assert within[0] > 10 * within[1]
    assert within[1] < plain[1] / 5
    assert adata.var["js_pval"].iloc[0] < 1e-10
    assert adata.var["js_pval"].iloc[1] > 1e-3
    assert cc.get.rank_genes_js_df(adata, label="L1")["names"].iloc[0] in {"0", "3"}


@pytest.mark.parametrize("n_permutations", [0, 20])
def test_false_positives_on_shuffled_labels(n_permutations):
    rng = np.random.default_rng(1)
    X = rng.poisson(rng.gamma(0.5, 1, (1, 1000)), (400, 1000))
    obs = pd.DataFrame({"label": rng.choice(["a", "b", "c"], 400)})
    obs.index = obs.index.astype(str)
    adata = AnnData(sparse.csr_matrix(X), obs=obs)
    cc.pp.rank_genes_js(adata, "label", n_permutations=n_permutations)
    pvals = adata.var["js_pval"][adata.var["js_pval"] < 1]
    assert 0.03 < (pvals < 0.05).mean() < 0.08 or n_permutations
    assert 0.02 < (pvals <= 0.05).mean() < 0.09
    again = cc.pp.rank_genes_js(adata, "label", n_permutations=n_permutations, copy=True)
    pd.testing.assert_frame_equal(again.var, adata.var, check_exact=True)


def test_permutations_find_the_same_genes_within_batches():
    adata = confounded(600)
    cc.pp.rank_genes_js(adata, "label", batch_key="batch", n_permutations=30, rng=3)
    assert adata.var["js_pval"].iloc[[0, 3]].tolist() == [1 / 31, 1 / 31]
    assert (adata.var["js_pval"].iloc[[1, 4, 2, 5]] > 0.06).all()
    entry = adata.uns["rank_genes_js"]
    assert set(entry["names"]["L1"][:2]) == {"0", "3"}
    assert entry["pvals"]["L1"][:2].tolist() == [1 / 31, 1 / 31]


@pytest.mark.skipif(not DATA, reason="CELLCLASS_TEST_DATA names no folder")
@pytest.mark.parametrize("name", ["pbmc3k", "pbmc_zheng_facs", "mouse_bladder_mca"])
@pytest.mark.filterwarnings("ignore:Labels of obs")
def test_false_positives_on_shuffled_labels_of_real_cells(name):
    adata = ad.read_h5ad(Path(DATA) / f"{name}.h5ad")
    labels = adata.obs["cell_type"].to_numpy()
    n_cells = np.asarray((adata.X > 0).sum(axis=0)).ravel()
    rng = np.random.default_rng(0)
    found, rare, of_labels = [], [], []
    for _ in range(10):
        adata.obs["shuffled"] = pd.Categorical(rng.permutation(labels))
        cc.pp.rank_genes_js(adata, "shuffled")
        pvals = adata.var["js_pval"].to_numpy()
        tested = pvals < 1
        low = tested & (n_cells < np.median(n_cells[tested]))
        found.append([(pvals[tested] < level).mean() for level in (0.05, 0.001)])
        rare.append([(pvals[low] < level).mean() for level in (0.05, 0.001)])
        records = adata.uns["rank_genes_js"]["pvals"]
        every = np.concatenate([records[label] for label in records.dtype.names])
        of_labels.append([(every[every < 1] < level).mean() for level in (0.05, 0.001)])
    for rates in (found, rare, of_labels):
        at_05, at_001 = np.mean(rates, axis=0)
        assert 0.03 <= at_05 <= 0.08
        assert at_001 <= 0.002


@pytest.mark.skipif(not DATA, reason="CELLCLASS_TEST_DATA names no folder")
@pytest.mark.filterwarnings("ignore:Labels of obs")
def test_markers_of_real_blood_cells_come_first():
    adata = ad.read_h5ad(Path(DATA) / "pbmc3k.h5ad")
    label = next(
        key for key in ("cell_type", "louvain", "labels", "celltype") if key in adata.obs.columns
    )
    layer = "counts" if "counts" in adata.layers else None
    adata = adata[adata.obs[label].notna()].copy()
    cc.pp.rank_genes_js(adata, label, layer=layer, n_top_genes=500, top_by="overall")
    markers = ["CD74", "CD3D", "NKG7", "LYZ", "CD79A", "FTL", "TYROBP", "CST3", "IL32"]
    assert adata.var.loc[markers, "js_selected"].all()
    codes = adata.obs[label].cat.codes.to_numpy()
    X = adata.X if layer is None else adata.layers[layer]
    sample = np.random.default_rng(0).choice(adata.n_vars, 50, replace=False)
    expected = [mutual_info_score(codes, x) for x in dense(X[:, sample]).T]
    cc.pp.rank_genes_js(adata, label, layer=layer, weights="frequency")
    np.testing.assert_allclose(adata.var["js_divergence"].iloc[sample], expected, atol=1e-12)


def test_fractions_in_a_dask_array_are_refused_as_in_memory():
    da = pytest.importorskip("dask.array")
    X = np.random.default_rng(0).poisson(2.0, (40, 20)) + 0.5
    obs = pd.DataFrame({"label": ["a", "b"] * 20}, index=[str(i) for i in range(40)])
    for values in (X, da.from_array(X, chunks=(10, -1))):
        with pytest.raises(cc.errors.ScaleError, match="pool them with bins=8"):
            cc.pp.rank_genes_js(ad.AnnData(values, obs=obs), "label")
