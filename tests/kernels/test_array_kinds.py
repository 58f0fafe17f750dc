import numpy as np
import pytest
from scipy import sparse

from cellclass.errors import ValuesError
from cellclass.kernels._array_kinds import Compressed, as_array_kind, as_native


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_common_kinds_share_their_arrays(kind):
    X = kind(np.eye(3, dtype=np.float32))
    matrix = as_array_kind(X)
    assert np.shares_memory(matrix.data, X.data)
    assert np.shares_memory(matrix.indices, X.indices)
    assert matrix.by_gene == (X.format == "csc")
    assert as_array_kind(matrix) is matrix


def test_dense_is_shared():
    X = np.asfortranarray(np.eye(3))
    assert np.shares_memory(as_array_kind(X), X)


@pytest.mark.parametrize("kind", [sparse.coo_matrix, sparse.lil_array, sparse.dok_matrix])
def test_other_formats_become_csr(kind):
    matrix = as_array_kind(kind(np.diag([1, 2, 3])))
    assert not matrix.by_gene
    assert matrix.data.tolist() == [1, 2, 3]


def test_small_integers_do_not_overflow_in_the_conversion():
    X = sparse.coo_matrix((np.array([100, 100], np.int8), ([0, 0], [0, 0])), shape=(1, 1))
    assert as_array_kind(X).data.tolist() == [200]


@pytest.mark.parametrize("fmt", ["csr", "csc", "coo"])
def test_a_boolean_twice_stays_a_boolean(fmt):
    X = sparse.coo_matrix((np.ones(2, bool), ([0, 0], [0, 0])), shape=(2, 2))
    if fmt != "coo":
        X = getattr(sparse, f"{fmt}_matrix")((X.data, np.zeros(2, int), [0, 2, 2]), shape=(2, 2))
    matrix = as_array_kind(X)
    assert matrix.data.tolist() == [1]
    assert matrix.data.dtype == np.uint8
    assert X.nnz == 2


@pytest.mark.parametrize("by_gene", [False, True])
def test_duplicates_are_seen_and_summed_on_a_copy(by_gene):
    data = np.array([100, 1, 100], np.int8)
    matrix = Compressed(data, np.array([1, 0, 1]), np.array([0, 3, 3]), (2, 2), by_gene)
    assert matrix.has_duplicates()
    summed = matrix.summed()
    assert not summed.has_duplicates()
    assert summed.data.tolist() == [1, 200]
    assert summed.by_gene == by_gene
    assert data.tolist() == [100, 1, 100]


def test_the_same_gene_in_two_cells_is_no_duplicate():
    assert not as_array_kind(sparse.csr_matrix(np.ones((3, 2)))).has_duplicates()


@pytest.mark.parametrize(
    ("dtype", "native"),
    [("bool", "uint8"), ("float16", "float32"), ("longdouble", "float64"), (">i4", "int32")],
)
def test_native_types(dtype, native):
    values = as_native(np.array([0, 1], dtype=dtype))
    assert values.dtype == native
    assert values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 2]], "builtins.list; a two-dimensional NumPy"),
        (np.ones(3), "adata.to_memory"),
        (np.ones((2, 2), dtype=complex), "complex128 values"),
        (np.array([["1"]]), "<U1 values"),
        (np.array([[1]], dtype=object), "object values"),
    ],
)
def test_what_is_refused(X, message):
    with pytest.raises(TypeError, match=message):
        as_array_kind(X)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_entries_outside_the_matrix_are_refused(kind):
    X = kind(np.eye(4, dtype=np.float32))
    as_array_kind(X)
    for arrays, place, value in (("indices", 1, 4), ("indices", 0, -1), ("indptr", 2, 9)):
        broken = X.copy()
        getattr(broken, arrays)[place] = value
        with pytest.raises(ValuesError, match="outside its 4 places"):
            as_array_kind(broken)
