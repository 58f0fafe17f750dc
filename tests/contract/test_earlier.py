"""A contract with an earlier time point: both halves are read alike."""

import numpy as np
import pytest

from cellclass._checks import label_codes
from cellclass.contract import InputContract


@pytest.fixture(scope="module")
def reference(_cells):
    adata = _cells.copy()
    adata.layers["before"] = adata.layers["counts"][::-1].copy()
    return adata


@pytest.fixture(scope="module")
def contract(reference):
    codes, labels = label_codes(reference.obs["cell_type"], "cell_type")
    return InputContract.learn(
        reference,
        layer="counts",
        codes=codes,
        labels=tuple(labels),
        parts=[np.arange(reference.n_obs)],
        n_top_genes=60,
        previous_layer="before",
    )[0]


def halves(contract, adata, **kwargs):
    found = contract.bind(adata, **kwargs).read(slice(None))
    assert found.shape == (adata.n_obs, 2 * contract.n_genes)
    assert contract.n_inputs == found.shape[1] == len(contract.fill)
    return np.hsplit(found, 2)


def test_the_second_half_is_the_earlier_layer(contract, reference):
    now, before = halves(contract, reference)
    np.testing.assert_array_equal(now, before[::-1])
    bound = contract.bind(reference)
    rows = np.array([2, 30])
    np.testing.assert_array_equal(bound.only(rows).read(slice(None)), bound.read(rows))


def test_each_layer_is_on_a_scale_of_its_own(contract, reference):
    query = reference.copy()
    counts = query.layers["before"].toarray()
    query.layers["before"] = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    for found, expected in zip(halves(contract, query), halves(contract, reference), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_gene_that_is_missing_is_filled_at_both_times(contract, reference):
    gone = contract.model_genes[3]
    found = halves(contract, reference[:, reference.var_names != gone].copy())
    for half, fill in zip(found, np.split(contract.fill, 2), strict=True):
        assert (half[:, 3] == fill[3]).all()


def test_genes_in_another_order(contract, reference):
    order = np.random.default_rng(0).permutation(reference.n_vars)
    shuffled = halves(contract, reference[:, order].copy())
    for found, expected in zip(shuffled, halves(contract, reference), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_query_without_the_layer(contract, reference):
    query = reference.copy()
    del query.layers["before"]
    with pytest.raises(KeyError, match="no layer 'before'"):
        contract.bind(query)
