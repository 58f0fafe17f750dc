"""Proteins are brought back to their counts exactly, or refused."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract import ProteinContract
from cellclass.contract._protein_scale import log_counts
from cellclass.contract._source import Source
from cellclass.errors import ScaleError, ValuesError

NAMES = pd.Index([f"CD{i}" for i in range(12)])


def counts(n_obs=60, seed=0, low=2.0, high=400.0):
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.uniform(np.log(low), np.log(high), NAMES.size))
    return rng.poisson(rates * np.exp(rng.normal(0, 0.6, (n_obs, NAMES.size)))).astype(float)


def centred(n):
    return np.log1p(n) - np.log1p(n).mean(axis=1, keepdims=True)


def over_mean(n, axis):
    """As `muon.prot.pp.clr` takes it, and Seurat."""
    return np.log1p(n / np.exp(np.log1p(n).sum(axis=axis, keepdims=True) / n.shape[axis]))


SCALES = {
    "counts": (lambda n: n, "counts"),
    "log1p": (np.log1p, "log1p of counts"),
    "log2": (lambda n: np.log2(n + 1), "log1p (base 2) of counts"),
    "log10": (lambda n: np.log10(n + 1), "log1p (base 10) of counts"),
    "centred": (centred, "centred log ratio of each cell's counts"),
    "over a cell's mean": (
        lambda n: over_mean(n, 1),
        "log1p of counts over the mean of each cell",
    ),
    "over a protein's mean": (
        lambda n: over_mean(n, 0),
        "log1p of counts over the mean of each protein",
    ),
}


def read(X):
    scale, logs = log_counts(X, Source("mdata['prot'].X", X), NAMES[: X.shape[1]])
    return str(scale), logs - logs.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SCALES)
def test_every_scale_comes_to_the_same(name, dtype):
    form, words = SCALES[name]
    n = counts()
    n[3] = 0  # a cell that was not measured
    found, logs = read(form(n).astype(dtype))
    assert found == words
    np.testing.assert_allclose(logs, centred(n), atol=2e-6)


@given(st.sampled_from(sorted(SCALES)), st.integers(0, 1000), st.floats(1, 50), st.floats(60, 5000))
def test_counts_of_any_size(name, seed, low, high):
    form, words = SCALES[name]
    n = counts(40, seed, low, high)
    found, logs = read(form(n).astype(np.float32))
    assert found == words
    np.testing.assert_allclose(logs, centred(n), atol=5e-6)


def test_half_precision_of_logarithms_is_refused_where_counts_are_lost():
    with pytest.raises(ScaleError, match="neither counts"):
        read(np.log1p(counts(high=5000)).astype(np.float16))


REFUSED = {
    "z-scored": (lambda n: (n - n.mean(axis=0)) / n.std(axis=0), "negative values"),
    "centred over cells": (
        lambda n: np.log1p(n) - np.log1p(n).mean(axis=0),
        "negative values.*dsb",
    ),
    "fractions of counts": (lambda n: n * 0.9, "neither counts of proteins, nor log1p"),
    "log1p of counts per 10,000": (
        lambda n: np.log1p(n / n.sum(axis=1, keepdims=True) * 1e4),
        "neither counts",
    ),
    "log1p twice": (lambda n: np.log1p(np.log1p(n)), "neither counts"),
    "square root": (np.sqrt, "neither counts"),
    "negative counts": (lambda n: n - 5, "negative values"),
    "part of cells over a protein's mean": (
        lambda n: over_mean(np.vstack([n, 9 * n + 4]), 0)[:60],
        "leave the modality out",
    ),
    "half of the cells on another scale": (
        lambda n: np.vstack([n[:30], np.log1p(n[30:])]),
        "neither counts",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused(name):
    change, words = REFUSED[name]
    X = change(counts())
    with pytest.raises(ScaleError, match=words):
        read(X)


def test_the_other_layers_are_named():
    n = counts()
    adata = AnnData(n - 5, layers={"adt": n}, var=pd.DataFrame(index=NAMES))
    with pytest.raises(ScaleError, match=r"mdata\['prot'\]\.X holds neg.*layers\['adt'\]"):
        ProteinContract.of(adata, layer=None, modality="prot")
    assert ProteinContract.of(adata, layer="adt", modality="prot").scale == "counts"


def test_too_few_values_say_nothing():
    X = np.zeros((4, 3))
    X[0, 0] = np.log1p(3)
    with pytest.raises(ScaleError, match="neither counts"):
        read(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_a_number_is_named(value):
    X = counts()
    X[4, 2] = value
    with pytest.raises(ValuesError, match=r"cell number 4, protein 'CD2', and 0 more"):
        read(X)


def test_sparse_and_whole_numbers_are_read():
    n = counts()
    for X in (sp.csr_matrix(n), sp.csc_matrix(n), n.astype(np.int32), np.asfortranarray(n)):
        adata = AnnData(X, var=pd.DataFrame(index=NAMES))
        contract = ProteinContract.of(adata, layer=None, modality="prot")
        x = contract.bind(adata, modality="prot").x
        np.testing.assert_allclose(x, centred(n), atol=1e-6)
