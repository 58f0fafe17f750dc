"""The same cells, spoilt in every way that users know: repaired or refused, never silently wrong.

`benchmarks/corruption.py` prints the table of what is found here, over more datasets.
"""

import re
import warnings

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import CellclassError


def changed(adata, transform):
    """Replace the counts by what is made of them, as dense float32 of the matrix."""
    return with_matrix(adata, transform(adata.X.toarray().astype(np.float64)))


def with_matrix(adata, X, **kwargs):
    X = sp.csr_matrix(X.astype(np.float32)) if (X == 0).any() else X.astype(np.float32)
    return ad.AnnData(X, obs=adata.obs.copy(), var=adata.var.copy(), **kwargs)


def normalized(counts, target):
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1) * target


def cp10k(counts):
    return normalized(counts, 1e4)


def median_normalized(counts):
    return normalized(counts, np.median(counts.sum(axis=1)))


def z_scored(counts):
    log = np.log1p(cp10k(counts))
    return ((log - log.mean(axis=0)) / log.std(axis=0).clip(1e-3)).clip(max=10)


def ambient(counts):
    """Subtract the two per cent of a cell's counts that came out of the soup."""
    soup = counts.sum(axis=0) / counts.sum()
    return np.maximum(counts - 0.02 * counts.sum(axis=1, keepdims=True) * soup, 0) * (counts > 0)


def mixture(counts):
    half = np.arange(len(counts)) < len(counts) // 2
    return np.where(half[:, None], counts, np.log1p(cp10k(counts)))


def few_logged_twice(counts):
    log = np.log1p(cp10k(counts))
    log[::20] = np.log1p(log[::20])
    return log


def variable_genes(adata):
    """Normalise and log as scanpy does, then keep the most variable half of the genes."""
    log = np.log1p(cp10k(adata.X.toarray().astype(np.float64)))
    genes = np.sort(np.argsort(-log.var(axis=0))[: max(adata.n_vars // 2, 1)])
    return with_matrix(adata, log)[:, genes].copy()


def z_scored_with_raw(adata):
    scaled = changed(adata, z_scored)
    scaled.raw = changed(adata, lambda x: np.log1p(cp10k(x)))
    return scaled


def swapped_with_raw(adata):
    log = changed(adata, lambda x: np.log1p(cp10k(x)))
    log.raw = changed(adata, z_scored)
    return log


def shuffled(adata):
    rng = np.random.default_rng(0)
    return changed(adata, lambda x: np.log1p(cp10k(x)))[:, rng.permutation(adata.n_vars)].copy()


def ensembl_with_versions(adata):
    query = adata.copy()
    query.var["gene_name"] = query.var_names.to_numpy()
    query.var_names = [f"ENSG{100_000 + j:011d}.{j % 20 + 1}" for j in range(query.n_vars)]
    return query


def lower_case(adata):
    query = adata.copy()
    query.var_names = query.var_names.str.lower()
    query.var_names_make_unique()
    return query


def values(transform):
    return lambda adata: changed(adata, transform)


REPAIRED, REFUSED, EITHER = "repaired", "refused", "either"
# What is done to the counts, and what must come of it.
CORRUPTIONS = {
    "raw": (lambda adata: adata.copy(), REPAIRED),
    "float counts": (values(lambda x: x), REPAIRED),
    "counts with noise in the last digits": (values(lambda x: x * (1 + 1e-7)), REPAIRED),
    "counts + 0.0019": (values(lambda x: x + 0.0019), REPAIRED),
    "counts + 1": (values(lambda x: x + 1), REPAIRED),
    "counts less ambient RNA": (values(ambient), EITHER),
    "CPM": (values(lambda x: normalized(x, 1e6)), REPAIRED),
    "CP10k": (values(cp10k), REPAIRED),
    "median-normalised": (values(median_normalized), REPAIRED),
    "ln1p CPM": (values(lambda x: np.log1p(normalized(x, 1e6))), REPAIRED),
    "ln1p CP10k": (values(lambda x: np.log1p(cp10k(x))), REPAIRED),
    "ln1p median-normalised": (values(lambda x: np.log1p(median_normalized(x))), REPAIRED),
    "ln1p CP10k, three decimals": (values(lambda x: np.log1p(cp10k(x)).round(3)), REPAIRED),
    "ln1p CP10k, two decimals": (values(lambda x: np.log1p(cp10k(x)).round(2)), EITHER),
    "ln1p CP10k, one decimal": (values(lambda x: np.log1p(cp10k(x)).round(1)), REFUSED),
    "log2(CP10k + 1)": (values(lambda x: np.log2(1 + cp10k(x))), REPAIRED),
    "log10(CP10k + 1)": (values(lambda x: np.log10(1 + cp10k(x))), REPAIRED),
    "ln1p of counts": (values(np.log1p), REPAIRED),
    "log2 of counts": (values(lambda x: np.log2(1 + x)), REPAIRED),
    "square root of counts": (values(np.sqrt), REPAIRED),
    "square root of CP10k": (values(lambda x: np.sqrt(cp10k(x))), REPAIRED),
    "ln1p CP10k of variable genes": (variable_genes, REPAIRED),
    ".raw swapped with .X": (swapped_with_raw, REPAIRED),
    "genes shuffled": (shuffled, REPAIRED),
    "ln1p taken twice": (values(lambda x: np.log1p(np.log1p(cp10k(x)))), REFUSED),
    "ln1p, then normalised": (values(lambda x: cp10k(np.log1p(x))), REFUSED),
    "z-scored": (values(z_scored), REFUSED),
    "z-scored, log1p in .raw": (z_scored_with_raw, REFUSED),
    "counts in half of the batches": (values(mixture), REFUSED),
    "ln1p twice in 5 % of the cells": (values(few_logged_twice), REFUSED),
    "transposed": (lambda adata: adata.T.copy(), REFUSED),
    "Ensembl identifiers with versions": (ensembl_with_versions, EITHER),
    "lower-cased symbols": (lower_case, EITHER),
}
FIXES = {
    "ln1p taken twice": r"cc\.pp\.normalize_scale\(adata\)",
    "ln1p, then normalised": "Give raw counts, CP10k or log1p",
    "z-scored": "Give raw counts, CP10k or log1p",
    "z-scored, log1p in .raw": r"adata\.raw\.to_adata\(\)\) holds log1p",
    "counts in half of the batches": r"\d+ of \d+ cells differ.*cc\.pp\.normalize_scale\(batch\)",
    "ln1p twice in 5 % of the cells": r"first at positions 0, 20, 40.*normalize_scale\(batch\)",
    "transposed": r"looks transposed.*adata\.T\.copy\(\)",
    "counts less ambient RNA": "Give raw counts",
    "ln1p CP10k, two decimals": "Give raw counts",
    "ln1p CP10k, one decimal": "Give raw counts",
    "Ensembl identifiers with versions": r"query\.var_names",
    "lower-cased symbols": r"query\.var_names",
}


WARNED = " (warned of missing genes)"


def answer(model, adata, corruption):
    """Return the accuracy on spoilt cells (nan where refused), and what was found or said."""
    spoilt = CORRUPTIONS[corruption][0](adata)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            scores = model.score_cells(spoilt)
        except CellclassError as error:
            return np.nan, str(error)
    truth = adata.obs["cell_type"].astype(str).to_numpy()
    found = np.asarray(scores.labels)[scores.codes]
    warned = any("lacks" in str(warning.message) for warning in said)
    assert warned == (scores.report["missing_importance"] > 0.2)
    return float((found == truth).mean()), scores.report["conversion"] + WARNED * warned


def check(model, adata, corruption):
    """Assert that spoilt cells are answered like clean ones, or refused with a fix."""
    clean, _ = answer(model, adata, "raw")
    accuracy, words = answer(model, adata, corruption)
    expected = CORRUPTIONS[corruption][1]
    if np.isnan(accuracy):
        assert expected != REPAIRED, words
        assert re.search(FIXES[corruption], words), words
    else:
        assert expected != REFUSED, words
        assert abs(accuracy - clean) <= 0.005, (clean, accuracy, words)


def test_at_least_18_corruptions_and_12_repairs():
    outcomes = [outcome for _, outcome in CORRUPTIONS.values()]
    assert len(outcomes) >= 18
    assert outcomes.count(REPAIRED) >= 12


@pytest.fixture(scope="module")
def installed(_cells, _split):
    """Installed cells that no model has seen, with their counts in `X`."""
    rows = _split[1]
    return ad.AnnData(
        _cells.layers["counts"][rows], obs=_cells.obs.iloc[rows], var=_cells.var[[]].copy()
    )


@pytest.mark.parametrize("corruption", [name for name in CORRUPTIONS if "variable" not in name])
def test_installed_cells(model, installed, corruption):
    check(model, installed, corruption)


@pytest.fixture(scope="module")
def simulated_model(fit):
    adata = cc.datasets.simulate_counts(n_obs=900, n_vars=1500, n_labels=5, rng=3)
    return fit(adata[:600].copy(), layer=None, epochs=12, n_top_genes=300), adata[600:].copy()


@pytest.mark.parametrize("corruption", [name for name in CORRUPTIONS if "variable" not in name])
def test_simulated_cells(simulated_model, corruption):
    check(*simulated_model, corruption)


@pytest.fixture(scope="module", params=["pbmc3k", "pbmc_zheng_facs"])
def real_model(request, real_data, fit):
    adata = ad.read_h5ad(real_data / f"{request.param}.h5ad")
    adata.var_names_make_unique()
    adata = adata[adata.obs["cell_type"].notna()].copy()
    test = np.arange(adata.n_obs) % 3 == 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Labels of obs")
        reference = adata[~test].copy()
        model = fit(reference, layer=None, epochs=6, n_top_genes=1000, n_hidden=(64,))
    return model, adata[test][:400].copy()


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_real_cells(real_model, corruption):
    check(*real_model, corruption)
