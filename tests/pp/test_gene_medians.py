"""Medians over the cells that express a gene; medians of a reference."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cellclass.contract import identify_scale
from cellclass.errors import GeneError
from cellclass.pp._gene_medians import check_medians, given_medians, medians_of

GENES = pd.Index(["a", "b", "c"])


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_array])
def test_medians_are_those_of_numpy(cells, container):
    counts = cells.layers["counts"].toarray().astype(np.float64)
    counts[:, 5] = 0
    x = counts * 1e4 / counts.sum(axis=1, keepdims=True)
    x[counts == 0] = np.nan
    X = container(counts)
    found = medians_of(X, identify_scale(X), 1e4)
    expressed = counts.any(axis=0)
    np.testing.assert_array_equal(found[expressed], np.nanmedian(x[:, expressed], axis=0))
    assert np.isnan(found[~expressed]).all()
    assert not expressed[5]


def test_medians_are_found_by_name():
    medians = pd.Series([2, 3, 4], index=["c", "x", "a"])
    np.testing.assert_array_equal(given_medians(medians, GENES), [4, np.nan, 2])
    np.testing.assert_array_equal(given_medians(medians.astype("Int64"), GENES), [4, np.nan, 2])


def test_medians_that_are_none():
    with pytest.raises(TypeError, match=r"a list; a pandas Series.*reference.var\['rank_value_me"):
        given_medians([1.0, 2.0, 3.0], GENES)
    with pytest.raises(TypeError, match=r"a Series of (object|str); a pandas Series of numbers"):
        given_medians(pd.Series(["1"], index=["a"]), GENES)
    with pytest.raises(GeneError, match="'b' more than once"):
        given_medians(pd.Series([1.0, 2.0, 3.0], index=["a", "b", "b"]), GENES)


def test_medians_of_genes_that_no_cell_expresses_are_of_no_matter():
    check_medians(np.array([1.0, np.nan, 0.0]), np.array([True, False, False]), GENES)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf])
def test_medians_that_cannot_be_divided_by(bad):
    expressed = np.array([True, True, False])
    with pytest.raises(GeneError, match=r"no value for 1 expressed gene\(s\), such as 'b'"):
        check_medians(np.array([1.0, np.nan, 1.0]), expressed, GENES)
    with pytest.raises(ValueError, match=f"medians holds {bad:g} for the expressed gene 'a'"):
        check_medians(np.array([bad, 1.0, 1.0]), expressed, GENES)
