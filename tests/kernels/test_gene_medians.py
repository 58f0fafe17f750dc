"""Medians of genes over the cells that express them, against numpy."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import add_by_gene, medians_by_gene


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 9), st.integers(1, 6)), elements=st.integers(0, 5)
    ),
    st.integers(0, 9),
)
def test_parts_are_collected_by_gene(X, cut):
    counted = (X > 0).sum(axis=0)
    bounds = np.concatenate([[0], np.cumsum(counted)])
    place, values = bounds[:-1].copy(), np.empty(bounds[-1])
    for part in (X[:cut], X[cut:]):
        csr = sp.csr_matrix(np.ones_like(part))
        csr.data[:] = part.ravel()  # with explicit zeros
        add_by_gene(csr.data, csr.indices, place, values)
    np.testing.assert_array_equal(place, bounds[1:])
    expected = [np.median(column[column > 0]) if column.any() else np.nan for column in X.T]
    np.testing.assert_array_equal(medians_by_gene(values, bounds), expected)
