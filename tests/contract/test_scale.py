"""Scales are told apart on real and on made cells, in every array kind, and nothing is guessed."""

import math
import re
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract import identify_scale
from cellclass.errors import ValuesError


@pytest.fixture(scope="module")
def counts(_cells):
    return _cells.layers["counts"].toarray().astype(np.float64)


def normalized(counts, target):
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1) * target


def cp10k(x):
    return normalized(x, 1e4)


def log2(x):
    return np.log2(1 + x)


def log10(x):
    return np.log10(1 + x)


MEDIAN = 653.0
LN, TWO, TEN = math.e, 2.0, 10.0
# transformation, name, base, target sum, whole counts come out
SCALES = {
    "counts": (lambda x: x, "counts", None, None, True),
    "counts in float32": (lambda x: x.astype(np.float32), "counts", None, None, True),
    "counts with noise": (lambda x: np.expm1(np.log1p(x)), "counts", None, None, True),
    "counts plus a constant": (lambda x: x + 0.0019, "counts", None, None, True),
    "counts plus a larger constant": (lambda x: x + 0.4, "counts", None, None, True),
    "counts plus one": (lambda x: x + 1, "counts", None, None, True),
    "stored counts plus a constant": (lambda x: x + 0.1 * (x > 0), "counts", None, None, True),
    "CP10k": (cp10k, "normalized", None, 1e4, False),
    "CPM": (lambda x: normalized(x, 1e6), "normalized", None, 1e6, False),
    "shares": (lambda x: normalized(x, 1), "normalized", None, 1, False),
    "median": (lambda x: normalized(x, MEDIAN), "normalized", None, MEDIAN, False),
    "CP10k of some genes": (lambda x: cp10k(x)[:, :300], "normalized", None, None, False),
    "log1p CP10k": (lambda x: np.log1p(cp10k(x)), "log1p", LN, 1e4, False),
    "log1p CPM": (lambda x: np.log1p(normalized(x, 1e6)), "log1p", LN, 1e6, False),
    "log1p median": (lambda x: np.log1p(normalized(x, MEDIAN)), "log1p", LN, MEDIAN, False),
    "log1p of some genes": (lambda x: np.log1p(cp10k(x))[:, :300], "log1p", LN, None, False),
    "log1p, three decimals": (lambda x: np.log1p(cp10k(x)).round(3), "log1p", LN, 1e4, False),
    "log1p counts": (np.log1p, "log1p", LN, None, True),
    "log2 CP10k": (lambda x: log2(cp10k(x)), "log1p", TWO, 1e4, False),
    "log2 counts": (log2, "log1p", TWO, None, True),
    "log10 CP10k": (lambda x: log10(cp10k(x)), "log1p", TEN, 1e4, False),
    "log10 counts of some genes": (lambda x: log10(x)[:, :300], "log1p", TEN, None, True),
    "square root of counts": (np.sqrt, "sqrt", None, None, True),
    "square root of CP10k": (lambda x: np.sqrt(cp10k(x)), "sqrt", None, 1e4, False),
    "double log": (lambda x: np.log1p(np.log1p(cp10k(x))), "double_log", LN, 1e4, False),
    "double log of some genes": (
        lambda x: np.log1p(np.log1p(cp10k(x)))[:, :300],
        "double_log",
        LN,
        None,
        False,
    ),
    "double log counts": (lambda x: np.log1p(np.log1p(x)), "double_log", LN, None, True),
    "z-scored": (lambda x: (x - x.mean(0)) / x.std(0).clip(1e-3), "scaled", None, None, False),
}
UNRECOGNISED = {
    "log1p, then normalised": lambda x: cp10k(np.log1p(x)),
    "log1p CP10k, then normalised": lambda x: cp10k(np.log1p(cp10k(x))),
    "log1p plus a constant": lambda x: np.log1p(cp10k(x)) + 0.1,
    "CP10k plus a constant": lambda x: cp10k(x) + 0.0019,
    "0–1 per gene": lambda x: x / x.max(0).clip(1),
    "scaled without a centre": lambda x: np.log1p(cp10k(x)) / x.std(0).clip(1e-3),
    "Anscombe": lambda x: 2 * np.sqrt(x + 3 / 8),
    "logistic": lambda x: np.where(x > 0, 1 / (1 + np.exp(-x)), 0),
    "smoothed over neighbours": lambda x: (
        sum(np.log1p(cp10k(np.roll(x, shift, axis=0))) for shift in range(3)) / 3
    ),
}


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_scale_of_real_cells(counts, kind, container):
    transform, name, base, target, of_counts = SCALES[kind]
    found = identify_scale(container(transform(counts)))
    assert (found.name, found.base, found.of_counts) == (name, base, of_counts)
    assert found.target_sum == (None if target is None else pytest.approx(target, rel=1e-3))
    assert found.n_obs == 700
    assert found.n_differ == 0


@pytest.mark.parametrize("kind", UNRECOGNISED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_fits_nothing_is_not_guessed(counts, kind, dtype):
    found = identify_scale(UNRECOGNISED[kind](counts).astype(dtype))
    assert found.name == "unrecognised"
    assert not found.is_convertible


def test_what_was_normalised_after_a_logarithm_says_so(counts):
    found = identify_scale(cp10k(np.log1p(counts)))
    assert "every cell sums to 10,000" in found.found
    assert "after a logarithm" in found.found


@pytest.mark.parametrize(
    ("kind", "offset"),
    [
        ("counts", 0),
        ("counts with noise", 0),
        ("counts plus a constant", 0.0019),
        ("counts plus a larger constant", 0.4),
        ("counts plus one", 1),
        ("stored counts plus a constant", 0.1),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_constants_that_were_added_to_counts(counts, kind, offset, dtype):
    found = identify_scale(SCALES[kind][0](counts).astype(dtype))
    assert found.offset == pytest.approx(offset, rel=1e-5)
    is_whole = kind in ("counts", "counts plus one") or (kind, dtype) == ("counts with noise", "f4")
    assert (found.share_whole == 1) == is_whole


def test_one_added_to_few_cells_is_refused_rather_than_taken_for_counts(counts):
    assert str(identify_scale(counts[:20] + 1)) == "counts plus 1"
    for n_obs in (1, 2, 19):
        found = identify_scale(counts[:n_obs] + 1)
        assert found.name == "unrecognised"
        assert "smallest value is 1 in many places: a constant was added" in found.found


def test_genes_that_all_of_a_few_cells_have(counts):
    few = counts[:5, (counts[:5] > 0).all(axis=0)]
    assert few.size >= 100
    assert identify_scale(few).name == "counts"


def test_installed_cells(cells):
    assert str(identify_scale(cells.X)) == "log1p of normalized values"
    assert str(identify_scale(cells.layers["counts"])) == "counts"


TEXTS = {
    "counts": "counts",
    "counts plus a constant": "counts plus 0.0019",
    "CP10k": "normalized to 10,000 per cell",
    "CP10k of some genes": "normalized",
    "log1p counts": "log1p of counts",
    "log2 CP10k": "log1p (base 2) of values normalized to 10,000 per cell",
    "log10 counts of some genes": "log1p (base 10) of counts",
    "square root of counts": "sqrt of counts",
    "double log of some genes": "log1p twice of normalized values",
    "z-scored": "scaled",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text(counts, kind):
    assert str(identify_scale(SCALES[kind][0](counts).astype(np.float32))) == TEXTS[kind]


@pytest.mark.parametrize(
    "kind", ["CP10k", "log1p CP10k", "log1p of some genes", "log1p counts", "log2 CP10k"]
)
def test_one_cell_alone_is_told_as_in_the_file(counts, kind):
    X = SCALES[kind][0](counts).astype(np.float32)
    expected = {SCALES[kind][1:3]}
    # whole numbers by chance are counts times one: the same model input
    allowed = expected | {("counts", None)} if kind == "CP10k" else expected
    for i in range(len(X)):
        found = identify_scale(X[i : i + 1])
        assert (found.name, found.base) in allowed, i


def ambient(counts):
    """Subtract what a tenth of the counts, drawn from all cells, are expected to be."""
    soup = counts.sum(axis=0) / counts.sum()
    return np.maximum(counts - 0.02 * counts.sum(axis=1, keepdims=True) * soup, 0) * (counts > 0)


def shared_reads(counts):
    rng = np.random.default_rng(0)
    moved = rng.uniform(-0.9, 0.9, counts.shape).round(2) * (rng.random(counts.shape) < 0.2)
    return np.where(counts > 0, np.maximum(counts + moved, 0.01), 0)


def halves(counts):
    return np.where(np.arange(counts.shape[1]) % 5 == 0, counts / 2, counts)


@pytest.mark.parametrize("transform", [ambient, shared_reads, halves])
@pytest.mark.parametrize("n_obs", [700, 20])
def test_counts_with_fractions(counts, transform, n_obs):
    found = identify_scale(transform(counts)[:n_obs].astype(np.float32))
    assert str(found) == "counts with fractions"
    assert found.is_convertible
    assert not found.of_counts


@pytest.mark.parametrize("transform", [ambient, shared_reads])
@pytest.mark.parametrize("kind", ["CP10k", "log1p CP10k"])
def test_fractions_that_were_normalised_have_equal_sums(counts, transform, kind):
    found = identify_scale(SCALES[kind][0](transform(counts)).astype(np.float32))
    assert (found.name, found.target_sum) == (SCALES[kind][1], pytest.approx(1e4, rel=1e-4))


@pytest.mark.parametrize("base", [None, LN, TWO, TEN])
def test_tpm(counts, base):
    deep = np.random.default_rng(0).poisson(counts * 200)  # as full-length protocols count reads
    tpm = normalized(deep / np.random.default_rng(1).lognormal(7.5, 0.8, counts.shape[1]), 1e6)
    found = identify_scale(tpm if base is None else np.log1p(tpm) / np.log(base))
    assert (found.name, found.base) == ("normalized" if base is None else "log1p", base)
    assert found.target_sum == pytest.approx(1e6, rel=1e-3)


def mixtures(counts):
    capped = np.minimum(counts, 20)
    log = np.log1p(cp10k(counts))
    yield "counts in log1p", capped, log
    yield "log1p in counts", log, capped
    yield "double log in log1p", np.log1p(log), log
    yield "double log in log1p, some genes", np.log1p(log)[:, :300], log[:, :300]
    yield "log1p in CP10k", log, cp10k(counts)
    yield "log1p in square roots", log, np.sqrt(counts)
    yield "counts in square roots", counts, np.sqrt(counts)
    yield "counts in log2 counts", counts, log2(counts)
    yield "counts in CP10k", counts, cp10k(counts)
    yield "log2 in log1p", log2(cp10k(counts)), log
    yield "smoothed in log1p", UNRECOGNISED["smoothed over neighbours"](counts), log


@pytest.mark.parametrize("n_odd", [3, 100, 350])
@pytest.mark.parametrize("which", range(11))
def test_mixed_scales_are_refused_and_the_cells_named(counts, which, n_odd):
    name, odd, rest = list(mixtures(counts))[which]
    X = rest.astype(np.float32)
    X[7 : 7 + n_odd] = odd[7 : 7 + n_odd]
    found = identify_scale(X)
    assert found.name == "mixed", name
    assert not found.is_convertible
    # a cell with one or two levels may fit both
    assert 0.9 * n_odd <= found.n_differ <= n_odd or n_odd == 350, name
    if n_odd == 100:
        assert set(found.differ) <= set(range(7, 107))
        assert len(found.differ) == 5
        assert re.fullmatch(rf"mixed \({found.n_differ} of 700 cells differ\)", str(found))


def test_some_cells_z_scored(counts):
    X = np.log1p(cp10k(counts))
    X[300:] = (X[300:] - X.mean(axis=0)) / X.std(axis=0).clip(1e-3)
    found = identify_scale(X)
    assert found.name == "mixed"
    assert found.n_differ == 300


@st.composite
def made_counts(draw):
    """Counts of few or many cells and genes, with empty cells, shallow or deep."""
    n_obs = draw(st.sampled_from([1, 2, 7, 30]))
    n_vars = draw(st.sampled_from([1, 2, 33, 200]))
    depth = draw(st.sampled_from([0.3, 2.0, 40.0]))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.3, 1.0, size=n_vars) * depth
    counts = rng.poisson(rates * rng.lognormal(0, 0.4, size=(n_obs, 1)))
    counts[rng.random(n_obs) < 0.1] = 0
    return counts.astype(np.float64)


CONTAINERS = [np.asarray, np.asfortranarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array]
KIND_OF = st.sampled_from([kind for kind in SCALES if "of some genes" not in kind])


@given(made_counts(), KIND_OF, st.sampled_from(CONTAINERS), st.sampled_from([np.float32, float]))
def test_made_cells_are_named_rightly_or_not_at_all(counts, kind, container, dtype):
    transform, name, base, _, _ = SCALES[kind]
    X = container(transform(counts).astype(dtype))
    found = identify_scale(X)
    assert found.n_obs == len(counts)
    filled = counts[counts.sum(axis=1) > 0]
    # Values that tell: three levels besides zero in some cell, and genes for a constant to be seen.
    told = any(len(np.unique(row)) > 3 for row in filled) and counts.size >= 100
    if kind == "counts":
        assert str(found) == "counts"
    elif told and kind != "z-scored":
        same = {(name, base)}
        if kind == "counts plus one" and len(counts) < 20:
            same |= {("counts", None), ("unrecognised", None)}
        elif "three decimals" in kind or "constant" in kind or len(filled) < 3:
            same |= {("unrecognised", None), ("mixed", None), ("counts", None)}
        assert (found.name, found.base) in same
    if found.is_convertible and found.name in ("log1p", "sqrt", "double_log") and told:
        assert found.name == name


@given(made_counts(), st.sampled_from(CONTAINERS))
def test_order_and_container_change_nothing(counts, container):
    log = np.log1p(cp10k(counts)).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(counts))
    genes = np.random.default_rng(1).permutation(counts.shape[1])
    expected, found = identify_scale(log), identify_scale(container(log[order][:, genes]))
    assert (found.name, found.of_counts, found.n_empty) == (
        expected.name,
        expected.of_counts,
        expected.n_empty,
    )


def as_h5ad(X, path):
    ad.AnnData(X).write_h5ad(path)
    return ad.read_h5ad(path, backed="r").X


KINDS = {
    "csr_matrix": sp.csr_matrix,
    "csr_array": sp.csr_array,
    "csc_matrix": sp.csc_matrix,
    "csc_array": sp.csc_array,
    "coo_matrix": sp.coo_matrix,
    "coo_array": sp.coo_array,
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "np.matrix": lambda x: np.asarray(x).view(np.matrix),
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
}


NATIVE = ["int8", "int32", "int64", "uint16", "uint64", "float32", "float64"]
FOREIGN = [">f4", ">i4", ">f8"]  # SciPy makes no matrix of these


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(kind, dtype) for kind in KINDS for dtype in NATIVE]
    + [(kind, dtype) for kind in KINDS if "_" not in kind for dtype in FOREIGN],
)
def test_array_kinds_and_dtypes(counts, kind, dtype):
    X = KINDS[kind](np.minimum(counts[:20], 100).astype(dtype))
    found = identify_scale(X)
    assert found.name == "counts"
    assert found.maximum == np.minimum(counts[:20], 100).max()


def test_sparse_values_of_foreign_byte_order(counts):
    for X in (sp.csr_matrix(counts), sp.csc_array(counts)):
        X.data = X.data.astype(">f4")  # as a file may give them
        assert identify_scale(X).name == "counts"
        assert X.data.dtype == ">f4"


@pytest.mark.parametrize("dtype", ["float16", "longdouble"])
def test_unusual_floats(counts, dtype):
    assert identify_scale(counts[:50].astype(dtype)).name == "counts"
    assert identify_scale(np.log1p(cp10k(counts)).astype(dtype)).name == "log1p"


@pytest.mark.parametrize("dtype", ["complex64", "U3", "O"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(TypeError, match="numbers are needed"):
        identify_scale(np.array([[1, 2]]).astype(dtype))


FILES = [sp.csr_matrix, sp.csr_array, sp.csc_matrix, np.asarray]


@pytest.mark.parametrize("container", FILES)
@pytest.mark.parametrize("kind", ["counts", "log1p of some genes", "double log"])
def test_backed(counts, container, kind, tmp_path):
    expected = identify_scale(SCALES[kind][0](counts).astype(np.float32))
    X = as_h5ad(container(SCALES[kind][0](counts).astype(np.float32)), tmp_path / "x.h5ad")
    assert identify_scale(X) == expected


@pytest.mark.parametrize("container", FILES)
def test_zarr(counts, container, tmp_path):
    zarr = pytest.importorskip("zarr")
    log = container(np.log1p(cp10k(counts)).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of anndata, on defaults to come
        ad.AnnData(log).write_zarr(tmp_path / "x.zarr")
    X = zarr.open(tmp_path / "x.zarr", mode="r")["X"]
    if sp.issparse(log):
        X = ad.io.sparse_dataset(X)
    assert identify_scale(X) == identify_scale(log)


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, np.asarray])
@pytest.mark.parametrize("chunks", [(64, -1), (-1, -1), (5000, 100), ((300, 0, 400), -1)])
def test_dask(counts, container, chunks):
    array = pytest.importorskip("dask.array")
    log = np.log1p(cp10k(counts)).astype(np.float32)
    X = array.from_array(log, chunks=chunks).map_blocks(container)
    assert identify_scale(X) == identify_scale(log)


def test_dask_computes_each_chunk_once(counts):
    array = pytest.importorskip("dask.array")
    n_computed = []

    def note(block):
        n_computed.append(block.shape[0])
        return sp.csr_matrix(block)

    many = np.tile(counts, (20, 1))
    X = array.from_array(many, chunks=(7000, -1)).map_blocks(note, meta=sp.csr_matrix((0, 0)))
    assert identify_scale(X).n_obs == 14000
    assert n_computed == [7000, 7000]


def test_dask_chunks_of_unknown_size(counts):
    array = pytest.importorskip("dask.array")
    X = array.from_array(counts, chunks=(100, -1))
    X = X[array.from_array(counts.sum(axis=1), chunks=100) > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        identify_scale(X)


def test_duplicates_are_summed_without_overflow_and_the_matrix_stays(unchanged):
    data, row, column = np.array([200, 100, 1], np.uint8), [0, 0, 1], np.array([1, 1, 0])
    csr = sp.csr_matrix((data, column, np.array([0, 2, 3])), shape=(2, 2))
    coo = sp.coo_matrix((data, (row, column)), shape=(2, 2))
    for X in (csr, coo, csr.tocsc(copy=True)):
        before = X.copy()
        assert identify_scale(X).maximum == 300
        assert X.nnz == before.nnz
        np.testing.assert_array_equal(X.data, before.data)


def test_unsorted_indices_stay_unsorted():
    X = sp.csr_matrix((np.array([2.0, 1.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    assert identify_scale(X).name == "counts"
    assert X.indices.tolist() == [1, 0]


def test_empty_cells_are_counted_and_explicit_zeros_ignored():
    X = sp.csr_matrix((np.array([0.0, 5.0]), np.array([0, 1]), np.array([0, 1, 2, 2])), (3, 2))
    found = identify_scale(X)
    assert (found.name, found.n_empty) == ("counts", 2)


@pytest.mark.parametrize("shape", [(3, 4), (1, 1)])
def test_a_matrix_of_zeros_is_counts(shape):
    found = identify_scale(np.zeros(shape))
    assert (found.name, found.n_empty, found.minimum) == ("counts", shape[0], 0)


def test_minimum_is_that_of_all_values(counts):
    assert identify_scale(counts + 0.0019).minimum == 0.0019
    assert identify_scale(counts).minimum == 0
    assert identify_scale(counts - 1).minimum == -1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_values_that_are_not_finite_are_named(counts, value, container):
    X = counts.copy()
    X[41, 7] = value
    genes = pd.Index([f"GENE{j}" for j in range(X.shape[1])])
    with pytest.raises(ValuesError, match=r"cell number 41, gene 'GENE7'") as caught:
        identify_scale(container(X), var_names=genes)
    assert str(value) in str(caught.value)


@pytest.mark.parametrize("depth", [1e-3, 1e-2, 0.1, 1.0, 20.0])
@pytest.mark.parametrize("n_vars", [33, 500])
def test_panels_and_deep_cells(depth, n_vars):
    """Reads in the thousands per gene, with no count of one in a cell, as deep panels have."""
    rng = np.random.default_rng(0)
    rates = rng.gamma(0.8, 1000.0, size=n_vars) * depth
    counts = rng.poisson(rates * rng.lognormal(0, 0.3, size=(50, 1))).astype(float)
    counts[rng.random(counts.shape) < 0.3] = 0
    for kind in ("counts", "CP10k", "log1p CP10k", "log2 CP10k", "log1p counts"):
        found = identify_scale(SCALES[kind][0](counts).astype(np.float32))
        assert (found.name, found.base) == SCALES[kind][1:3], kind


@pytest.mark.oldest
def test_every_real_file_on_every_scale(real_data):
    rng = np.random.default_rng(0)
    files = sorted(real_data.glob("*.h5ad"))
    assert files
    for path in files:
        X = sp.csr_matrix(ad.read_h5ad(path, backed="r")[:60].to_memory().X).astype(np.float32)
        X = X[np.asarray(X.sum(axis=1)).ravel() > 0].toarray()
        some = np.sort(rng.permutation(X.shape[1])[:500])
        for kind, (transform, name, base, _, _) in SCALES.items():
            if kind in ("counts plus one", "stored counts plus a constant"):
                continue
            Y = transform(X).astype(np.float32)
            found = identify_scale(Y)
            assert (found.name, found.base) == (name, base), (path, kind)
            if "decimals" not in kind and "some genes" not in kind:
                found = identify_scale(sp.csr_matrix(Y[:, some]))
                assert (found.name, found.base) == (name, base), (path, kind)
