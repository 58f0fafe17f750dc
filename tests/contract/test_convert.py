"""Whole matrices brought to another scale; the public way is tested with `normalize_scale`."""

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract import convert, identify_scale


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_array, sp.coo_matrix])
@pytest.mark.parametrize("n_obs", [1, 5000])
def test_more_cells_than_a_chunk_in_every_kind(container, n_obs):
    counts = np.random.default_rng(0).poisson(1.5, size=(n_obs, 12)) + np.eye(n_obs, 12, dtype=int)
    X = container(np.sqrt(counts))
    found = convert(X, identify_scale(X), "counts", target_sum=None)
    assert type(found) is type(X)
    np.testing.assert_array_equal(found.toarray() if sp.issparse(X) else found, counts)


def test_no_cells():
    X = sp.csr_matrix((0, 4))
    assert convert(X, identify_scale(X), "log1p", target_sum=1e4).shape == (0, 4)
    assert convert(X.toarray(), identify_scale(X), "log1p", target_sum=1e4).shape == (0, 4)
