"""A contract learned from real cells, and what it lets through."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass._checks import label_codes
from cellclass.contract import InputContract, check_input
from cellclass.errors import GeneError, ScaleError, ValuesError


def learn(adata, *, layer="counts", n_top_genes=50, **kwargs):
    codes, labels = label_codes(adata.obs["cell_type"], "cell_type")
    rows = np.arange(adata.n_obs)[::2]
    return InputContract.learn(
        adata,
        layer=layer,
        codes=codes,
        labels=tuple(labels),
        parts=[rows],
        n_top_genes=n_top_genes,
        **kwargs,
    )


@pytest.fixture(scope="module")
def contract(_cells):
    return learn(_cells.copy())[0]


@pytest.mark.filterwarnings("ignore:Labels of obs")
def test_what_is_learned(cells, contract):
    assert contract.n_genes == 50
    assert contract.model_genes.tolist() == cells.var_names[contract.selected].tolist()
    assert contract.importance.min() > 0
    ranked = cells[::2].copy()
    cc.pp.rank_genes_js(
        ranked, "cell_type", layer="counts", n_top_genes=50, bins="log2", normalize=True
    )
    selected = ranked.var["js_selected"].to_numpy()
    assert sorted(contract.selected) == np.flatnonzero(selected).tolist()
    divergence = ranked.var["js_divergence"].to_numpy()
    np.testing.assert_array_equal(contract.importance, divergence[contract.selected])
    assert contract.gene_share.sum() == pytest.approx(1)
    assert contract.labels == tuple(cells.obs["cell_type"].cat.categories)
    assert (contract.scale, contract.namespace) == ("counts", "symbol")


def test_input_is_log1p_of_counts_at_the_median_depth_of_the_training_cells(cells, contract):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    depth = np.median(total[::2])
    assert contract.target_sum == depth
    expected = np.log1p(counts / total * depth)[:, contract.selected]
    found = contract.bind(cells).read(slice(None))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-6)


def test_published_input_is_log1p_of_counts(cells):
    contract, bound, _ = learn(cells, expression="log1p_counts")
    counts = cells.layers["counts"].toarray()[:, contract.selected]
    np.testing.assert_allclose(bound.read(slice(None)), np.log1p(counts), rtol=1e-6)
    cells.layers["counts"] = cells.layers["counts"].log1p()  # which gives the counts exactly
    np.testing.assert_allclose(contract.bind(cells).read(slice(None)), np.log1p(counts), rtol=1e-6)
    with pytest.raises(ScaleError, match=r"log1p of raw counts.*adata.X holds log1p of normalized"):
        contract.bind(cells, layer="X")


def test_fill_is_the_mean_input_of_the_training_cells(cells, contract):
    training = contract.bind(cells).read(np.arange(cells.n_obs)[::2])
    np.testing.assert_allclose(contract.fill, training.mean(axis=0), rtol=1e-5)


def test_all_genes_that_differ(cells):
    contract, _, _ = learn(cells, n_top_genes=None)
    assert 700 < contract.n_genes <= cells.n_vars
    assert learn(cells, n_top_genes=10**6)[0].n_genes == contract.n_genes


def test_no_gene_differs(cells):
    cells.layers["counts"] = sp.csr_matrix(np.ones(cells.shape, np.float32))
    with pytest.raises(GeneError, match=r"No gene of adata.layers"):
        learn(cells)


def test_json_and_arrays_and_back(contract, cells):
    fields = json.loads(json.dumps(contract.to_dict()))
    arrays = {name: array.copy() for name, array in contract.to_arrays().items()}
    again = InputContract.from_parts(fields, arrays)
    assert again.to_dict() == contract.to_dict()
    assert again.labels == contract.labels
    assert again.genes.equals(contract.genes)
    for name, array in contract.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
        assert again.to_arrays()[name].dtype == array.dtype
    np.testing.assert_array_equal(
        again.bind(cells).read(slice(0, 9)), contract.bind(cells).read(slice(0, 9))
    )


def test_the_layer_of_the_reference_comes_first_then_x(cells, contract):
    assert contract.bind(cells).source.where == "adata.layers['counts']"
    del cells.layers["counts"]
    assert contract.bind(cells).source.where == "adata.X"


def spoil(adata, how):
    counts = adata.layers["counts"].toarray()
    if how == "nan":
        counts[3, 5] = np.nan
    elif how == "inf":
        counts[3, 5] = np.inf
    elif how == "negative":
        counts[3, 5] = -2
    elif how == "z-scored":
        counts = (counts - counts.mean(axis=0)) / counts.std(axis=0).clip(0.1)
    elif how == "log1p twice":
        counts = np.log1p(np.log1p(counts))
    elif how == "mixed":
        counts[::2] = np.log1p(counts[::2] * 3.7)
    elif how == "normalised after a logarithm":
        counts = np.log1p(counts)
        counts *= 1e4 / counts.sum(axis=1, keepdims=True)
    elif how == "duplicated genes":
        adata.var_names = ["CD3D", *adata.var_names[1:-1], "CD3D"]
    elif how == "no shared genes":
        adata.var_names = [f"x{j}" for j in range(adata.n_vars)]
    adata.layers["counts"] = counts
    return adata


SPOILT = {
    "nan": (ValuesError, "nan in cell number 3, gene '"),
    "inf": (ValuesError, "inf in cell number 3, gene '"),
    "negative": (ScaleError, "minimum -2"),
    "z-scored": (ScaleError, "negative values"),
    "log1p twice": (ScaleError, r"log1p was taken twice.*cc.pp.normalize_scale\(adata\)"),
    "mixed": (ScaleError, "several scales: 350 of 700 cells.*positions 0, 2, 4, 6, 8 .*normalize"),
    "normalised after a logarithm": (ScaleError, "neither counts.*after a logarithm"),
    "duplicated genes": (GeneError, "such as 'CD3D'.*var_names_make_unique"),
    "no shared genes": (GeneError, "0 of the 50 genes"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_refused_and_left_alone(cells, contract, how, unchanged):
    error, words = SPOILT[how]
    query = spoil(cells, how)
    with unchanged(query), pytest.raises(error, match=words):
        contract.bind(query)
    if how != "no shared genes":
        with unchanged(query), pytest.raises(error, match=words):
            check_input(query, layer="counts")


def test_what_is_refused_names_what_can_be_used_instead(cells, contract):
    cells.layers["z"] = spoil(cells.copy(), "z-scored").layers["counts"]
    cells.layers["text"] = np.full(cells.shape, np.nan)
    cells.raw = cells
    with pytest.raises(ScaleError) as caught:
        contract.bind(cells, layer="z")
    text = str(caught.value)
    assert "adata.layers['z'] holds negative values" in text
    assert "adata.layers['counts'] (layer='counts') holds counts" in text
    assert "adata.X (layer='X') holds log1p of normalized values" in text
    assert "adata.raw (adata.raw.to_adata()) holds log1p" in text
    assert "'text'" not in text


@pytest.mark.parametrize("how", ["log2", "log10", "square root", "constant", "fractions", "noise"])
def test_what_is_repaired(cells, contract, how):
    expected = contract.bind(cells).read(slice(None))
    counts = cells.layers["counts"].toarray().astype(np.float64)
    cells.layers["counts"] = {
        "log2": np.log2(1 + counts),
        "log10": np.log10(1 + counts),
        "square root": np.sqrt(counts),
        "constant": counts + 0.0019,
        "fractions": counts * np.where(np.arange(cells.n_vars) == contract.selected[0], 0.5, 1),
        "noise": counts * (1 + 1e-9),
    }[how].astype(np.float32)
    found = contract.bind(cells).read(slice(None))
    if how == "fractions":
        assert np.abs(found[:, 0] - expected[:, 0]).max() > 0.1
        return
    np.testing.assert_array_equal(found, expected)  # the counts come out exactly


def test_a_transposed_query_is_recognised(cells, contract):
    with pytest.raises(GeneError, match=r"looks transposed: 50 of the 50 genes.*adata.T.copy\(\)"):
        contract.bind(cells.T.copy())
    assert contract.bind(cells.T.copy().T.copy()).n_obs == cells.n_obs


def test_no_cells_and_no_genes(cells, contract):
    for empty in (cells[:0], cells[:, :0]):
        with pytest.raises(ValueError, match=f"{empty.n_obs} cells × {empty.n_vars} genes"):
            contract.bind(empty)


def test_missing_layer_names_the_others(cells, contract):
    with pytest.raises(KeyError, match=r"layer='spliced'.*'counts'"):
        contract.bind(cells, layer="spliced")


def test_gene_names_of_pandas_kinds(cells, contract):
    expected = contract.bind(cells).read(slice(0, 3))
    for index in (pd.Index(cells.var_names, dtype=object), pd.CategoricalIndex(cells.var_names)):
        cells.var.index = index
        np.testing.assert_array_equal(contract.bind(cells).read(slice(0, 3)), expected)


def with_ids(cells):
    cells.var["any"] = [f"ENSG{j:011d}.4" for j in range(cells.n_vars)]
    return cells


def test_the_second_names_of_genes_are_kept(cells):
    contract, _, _ = learn(with_ids(cells))
    assert contract.other_names.tolist() == cells.var["any"].tolist()
    text = json.loads(json.dumps(contract.to_dict()))
    again = InputContract.from_parts(text, contract.to_arrays())
    assert again.other_names.tolist() == contract.other_names.tolist()
    expected = contract.bind(cells).read(slice(0, 5))
    cells.var_names = cells.var.pop("any").str.replace(".4", ".11")
    for one in (contract, again):
        np.testing.assert_array_equal(one.bind(cells).read(slice(0, 5)), expected)


def test_a_contract_saved_without_second_names(cells, contract):
    assert contract.other_names is None
    text = json.loads(json.dumps(contract.to_dict()))
    assert text.pop("other_names") is None
    again = InputContract.from_parts(text, contract.to_arrays())
    assert again.other_names is None
    expected = contract.bind(cells).read(slice(0, 5))
    np.testing.assert_array_equal(again.bind(with_ids(cells)).read(slice(0, 5)), expected)


@pytest.mark.parametrize("namespace", ["symbol", "ensembl"])
def test_either_namespace_reads_the_other(cells, namespace):
    symbols = with_ids(cells)
    ids = symbols.copy()
    ids.var = pd.DataFrame({"name": symbols.var_names}, index=symbols.var["any"].to_numpy())
    reference, query = (symbols, ids) if namespace == "symbol" else (ids, symbols)
    contract, bound, _ = learn(reference)
    assert contract.namespace == namespace
    expected = bound.read(slice(0, 5))
    plain = query.copy()
    plain.var = plain.var.iloc[:, :0]
    for other in (query, plain):
        np.testing.assert_array_equal(contract.bind(other).read(slice(0, 5)), expected)


def test_aliases_reach_the_lookup(cells, contract):
    expected = contract.bind(cells).read(slice(0, 5))
    aliases = {f"old_{name}": name for name in cells.var_names}
    cells.var_names = list(aliases)
    with pytest.raises(GeneError, match="gene_aliases"):
        contract.bind(cells)
    bound = contract.bind(cells, gene_aliases=aliases)
    np.testing.assert_array_equal(bound.read(slice(0, 5)), expected)
