"""Rows brought back."""

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract import identify_scale
from cellclass.contract._restore import AS_STORED, restored


@pytest.fixture(scope="module")
def counts(_cells):
    return _cells.layers["counts"].toarray()[:50].astype(np.float64)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize(
    "transform", [np.log1p, np.sqrt, lambda x: np.log2(1 + x), lambda x: x + 0.25]
)
def test_counts_come_back_exactly(counts, container, transform):
    X = container(transform(counts))
    before = X.copy()
    found = restored(X, identify_scale(X))
    found = found.toarray() if sp.issparse(found) else found
    np.testing.assert_array_equal(found, counts)
    assert abs(X - before).max() == 0


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_what_needs_nothing_is_not_copied(counts, container):
    X = container(counts)
    scale = identify_scale(X)
    assert scale.form == AS_STORED
    assert restored(X, scale) is X
