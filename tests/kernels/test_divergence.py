import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from cellclass.errors import ValuesError
from cellclass.kernels import _counter as tables_module
from cellclass.kernels import count_divergence

DTYPES = [
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "bool",
    "float16",
    "float32",
    "float64",
    ">i4",
]
SPARSE_KINDS = ["csr_matrix", "csr_array", "csc_matrix", "csc_array"]
OTHER_KINDS = ["coo_matrix", "coo_array", "lil_matrix", "dok_array", "bsr_matrix", "dia_array"]


def reference(X, codes, n_labels, weights):
    """Compute it from the definition, gene by gene."""
    result = np.empty(X.shape[1])
    for gene, column in enumerate(np.asarray(X).T):
        _, values = np.unique(column.astype(np.float64), return_inverse=True)
        n = values.max() + 1
        p = np.array([np.bincount(values[codes == k], minlength=n) for k in range(n_labels)])
        p = p / np.maximum(p.sum(axis=1, keepdims=True), 1)
        result[gene] = entropy(weights @ p) - sum(
            w * entropy(q) for w, q in zip(weights, p, strict=True) if w
        )
    return result


def messy(X, kind, rng, index_dtype):
    """Store a dense matrix with duplicates, explicit zeros and unsorted indices."""
    cells, genes = np.nonzero((X != 0) | (rng.random(X.shape) < 0.2))
    values = X[cells, genes]
    twice = (values >= 2) & (rng.random(values.size) < 0.5)
    values[twice] -= 1
    cells, genes = np.r_[cells, cells[twice]], np.r_[genes, genes[twice]]
    values = np.r_[values, np.ones(twice.sum(), X.dtype)]
    by_gene = kind.startswith("csc")
    major, minor = (genes, cells) if by_gene else (cells, genes)
    shuffled = rng.permutation(values.size)
    order = shuffled[np.argsort(major[shuffled], kind="stable")]
    n_major = X.shape[1] if by_gene else X.shape[0]
    indptr = np.r_[0, np.cumsum(np.bincount(major, minlength=n_major))]
    matrix = getattr(sparse, kind)(X.shape, dtype=X.dtype)
    matrix.data, matrix.indices = values[order], minor[order].astype(index_dtype)
    matrix.indptr = indptr.astype(index_dtype)
    return matrix


def every_kind(X, rng):
    yield "C", np.ascontiguousarray(X)
    yield "F", np.asfortranarray(X)
    yield "strided", np.repeat(X, 2, axis=1)[:, ::2]
    plain = X.astype(np.float32) if X.dtype == np.float16 else X.astype(X.dtype.newbyteorder("="))
    for kind in SPARSE_KINDS:
        yield kind, getattr(sparse, kind)(plain)
        if X.dtype != bool:
            for index_dtype in (np.int32, np.int64):
                yield f"messy {kind} {index_dtype}", messy(plain, kind, rng, index_dtype)
    for kind in OTHER_KINDS:
        yield kind, getattr(sparse, kind)(plain)


def copies(matrix):
    if isinstance(matrix, np.ndarray):
        return [matrix.copy()]
    if matrix.format in ("csr", "csc"):
        return [matrix.data.copy(), matrix.indices.copy(), matrix.indptr.copy()]
    return [matrix.toarray()]


@st.composite
def problems(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    top = {"b": 1, "f": 2**24 - 1 if dtype.itemsize > 2 else 2048}.get(
        dtype.kind, min(2**24 - 1, np.iinfo(dtype).max if dtype.kind in "iu" else 0)
    )
    n_obs, n_vars = draw(st.integers(2, 40)), draw(st.integers(1, 5))
    values = st.one_of(st.just(0), st.integers(0, min(3, top)), st.integers(0, top))
    X = draw(hnp.arrays(np.int64, (n_obs, n_vars), elements=values)).astype(dtype)
    n_labels = draw(st.integers(1, min(5, n_obs)))
    codes = draw(hnp.arrays(np.int64, n_obs, elements=st.integers(-1, n_labels - 1)))
    codes[:n_labels] = np.arange(n_labels)
    return X, codes, n_labels


@settings(deadline=None, max_examples=150)
@given(
    problem=problems(),
    weights=st.sampled_from(["uniform", "frequency", "own"]),
    seed=st.integers(0, 99),
)
def test_equals_the_definition_in_every_array_kind(problem, weights, seed):
    X, codes, n_labels = problem
    rng = np.random.default_rng(seed)
    shares = {
        "uniform": np.full(n_labels, 1 / n_labels),
        "frequency": np.bincount(codes[codes >= 0]) / (codes >= 0).sum(),
        "own": np.r_[0.0, rng.dirichlet(np.ones(n_labels - 1))] if n_labels > 1 else np.ones(1),
    }[weights]
    argument = shares if weights == "own" else weights
    expected = reference(X, codes, n_labels, shares)
    first = None
    for kind, matrix in every_kind(X, rng):
        before = copies(matrix)
        result = count_divergence(matrix, codes, n_labels, weights=argument)
        assert result.dtype == np.float64
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-10, err_msg=kind)
        first = result if first is None else first
        assert np.array_equal(result, first), kind
        for old, new in zip(before, copies(matrix), strict=True):
            assert old.dtype == new.dtype, kind
            assert np.array_equal(old, new), kind


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.gamma(0.4, 3, (1, 60)), (900, 60)).astype(np.float32)
    X[rng.random(X.shape) < 0.01] = rng.integers(100, 1e6)
    return X, rng.integers(0, 6, 900)


def test_frequency_weights_give_the_mutual_information(counts):
    X, codes = counts
    expected = [mutual_info_score(codes, column) for column in X.T]
    result = count_divergence(X, codes, 6, weights="frequency")
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_the_plan_of_the_slots_does_not_change_a_bit(counts, monkeypatch):
    X, codes = counts
    roomy = count_divergence(sparse.csr_array(X), codes, 6)
    for n_slots in (1, 2, 5, 1000):
        offsets = n_slots * np.arange(X.shape[1] + 1, dtype=np.uint32)
        monkeypatch.setattr(tables_module, "plan_slots", lambda *_, offsets=offsets: offsets)
        for kind in (sparse.csr_array, sparse.csc_array, np.asarray):
            assert np.array_equal(count_divergence(kind(X), codes, 6), roomy)


def test_order_of_cells_does_not_change_a_bit(counts):
    X, codes = counts
    order = np.random.default_rng(1).permutation(len(codes))
    shuffled = count_divergence(sparse.csr_array(X[order]), codes[order], 6)
    assert np.array_equal(shuffled, count_divergence(X, codes, 6))


def test_cells_left_out_do_not_count(counts):
    X, codes = counts
    kept = np.random.default_rng(2).random(len(codes)) < 0.5
    masked = np.where(kept, codes, -1)
    X[~kept, ::3] = np.nan
    expected = count_divergence(X[kept], codes[kept], 6)
    for kind in (sparse.csr_array, sparse.csc_array, np.asarray, np.asfortranarray):
        assert np.array_equal(count_divergence(kind(X), masked, 6), expected)


def test_bounds():
    codes = np.repeat(np.arange(4), 25)
    X = np.column_stack([codes, np.zeros(100), np.full(100, 7), np.tile(np.arange(25), 4)])
    result = count_divergence(X, codes, 4)
    assert result[0] == pytest.approx(np.log(4), abs=1e-14)
    assert result[1] == 0.0
    assert result[2] == 0.0
    assert 0 <= result[3] < 1e-14


def test_duplicates_may_cancel_what_is_no_count():
    data, indices = np.array([3.0, -1.0, 0.5, 0.5]), np.array([0, 0, 0, 0])
    X = sparse.csr_matrix((data, indices, [0, 2, 4]), shape=(2, 1))
    expected = count_divergence(np.array([[2], [1]]), [0, 1], 2)
    assert np.array_equal(count_divergence(X, [0, 1], 2), expected)


def test_read_only_arrays(counts):
    X, codes = counts
    C = sparse.csr_array(X)
    expected = count_divergence(C, codes, 6)
    for array in (C.data, C.indices, C.indptr, X, codes):
        array.flags.writeable = False
    assert np.array_equal(count_divergence(C, codes, 6), expected)
    assert np.array_equal(count_divergence(X, codes, 6), expected)


def test_label_without_cells_needs_weight_zero():
    X, codes = np.array([[0], [1], [1]]), [0, 2, 2]
    with pytest.raises(ValueError, match="Label 1 has a weight but no cells"):
        count_divergence(X, codes, 3)
    for weights in ("frequency", [0.5, 0, 0.5]):
        assert count_divergence(X, codes, 3, weights=weights)[0] > 0


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        (np.nan, "NaN"),
        (np.inf, "infinite"),
        (-np.inf, "infinite"),
        (-2, "negative"),
        (0.5, "fractional"),
        (2**24, "too large"),
    ],
)
def test_values_that_are_no_counts(kind, value, what):
    X = np.ones((6, 3))
    X[4, 1] = value
    with pytest.raises(
        ValuesError, match=rf"1 {what} value: the first is {value:.8g} in gene 1, cell 4"
    ):
        count_divergence(kind(X), [0, 1] * 3, 2)


@pytest.mark.parametrize(("dtype", "value"), [("int64", 2**40), ("uint64", 2**63), ("int8", -1)])
def test_integers_that_are_no_counts(dtype, value):
    X = np.ones((2, 2), dtype=dtype)
    X[1, 0] = value
    for kind in (np.asarray, sparse.csr_matrix, sparse.csc_matrix):
        with pytest.raises(ValuesError, match="in gene 0, cell 1"):
            count_divergence(kind(X), [0, 1], 2)


@pytest.mark.parametrize(
    ("codes", "weights", "message"),
    [
        ([0, 1], "uniform", r"codes has shape \(2,\); one code per cell is \(3,\)"),
        ([0, 1, 2], "uniform", "codes go from 0 to 2; with 2 labels they are -1 to 1"),
        ([0, 1, -2], "uniform", "codes go from -2 to 1"),
        ([-1, -1, -1], "uniform", "No cell has a label"),
        ([0, 1, 1], "equal", "weights='equal' is neither"),
        ([0, 1, 1], [1.0], r"weights has shape \(1,\); one per label is \(2,\)"),
        ([0, 1, 1], [1.5, -0.5], "negative or non-finite"),
        ([0, 1, 1], [np.nan, 1.0], "negative or non-finite"),
        ([0, 1, 1], [0.5, 0.4], "weights sum to 0.9; divide"),
    ],
)
def test_arguments_that_do_not_fit(codes, weights, message):
    with pytest.raises(ValueError, match=message):
        count_divergence(np.ones((3, 2)), codes, 2, weights=weights)


def test_codes_must_be_integers():
    with pytest.raises(TypeError, match="codes holds float64 values"):
        count_divergence(np.ones((2, 2)), [0.0, 1.0], 2)


def test_no_genes():
    assert count_divergence(np.ones((2, 0)), [0, 1], 2).shape == (0,)
