import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from cellclass.kernels import add_part, by_column


@given(
    arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)),
    st.integers(0, 5),
    st.booleans(),
)
def test_parts_are_turned_and_joined(X, first_row, goes_on):
    csr = sparse.csr_matrix(X.astype(np.float32))
    ends = csr.indptr[1:].astype(np.int64)
    bounds, rows, values = by_column(
        csr.indices.astype(np.int32),
        csr.data,
        ends[:-1] if goes_on else ends,
        first_row,
        X.shape[1],
    )
    turned = sparse.csr_matrix((values, rows - first_row, bounds), shape=X.shape[::-1])
    np.testing.assert_array_equal(turned.toarray(), X.T)
    assert turned.has_sorted_indices

    place = 2 * bounds[:-1]
    indices, twice = np.zeros(2 * csr.nnz, dtype=np.int32), np.zeros(2 * csr.nnz, dtype=np.float32)
    add_part(bounds, rows - first_row, values, place, indices, twice)
    add_part(bounds, rows - first_row + X.shape[0], values, place, indices, twice)
    np.testing.assert_array_equal(place, 2 * bounds[1:])
    joined = sparse.csr_matrix((twice, indices, 2 * bounds), shape=(X.shape[1], 2 * X.shape[0]))
    np.testing.assert_array_equal(joined.toarray(), np.vstack([X, X]).T)


def test_a_range_of_a_part():
    bounds = np.array([3, 5, 6])
    indices, values = np.arange(3, dtype=np.int32), np.arange(3, dtype=np.float32)
    out, place = np.full(4, -1, dtype=np.int32), np.array([0, 3])
    add_part(bounds, indices, values, place, out, np.zeros(4, dtype=np.float32))
    assert out.tolist() == [0, 1, -1, 2]
    assert place.tolist() == [2, 4]
