"""Scales are told apart on real cells, in every array kind, and nothing is guessed."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cellclass.contract import identify_scale
from cellclass.contract._scale import require_convertible
from cellclass.errors import ScaleError, ValuesError


@pytest.fixture(scope="module")
def counts(_cells):
    return _cells.layers["counts"].toarray().astype(np.float64)


def normalized(counts, target):
    return counts / counts.sum(axis=1, keepdims=True) * target


MEDIAN = 653.0
SCALES = {
    "counts": (lambda x: x, "counts", None),
    "float32 counts": (lambda x: x.astype(np.float32), "counts", None),
    "CP10k": (lambda x: normalized(x, 1e4), "normalized", 1e4),
    "CPM": (lambda x: normalized(x, 1e6), "normalized", 1e6),
    "median": (lambda x: normalized(x, MEDIAN), "normalized", MEDIAN),
    "CP10k of a gene subset": (lambda x: normalized(x, 1e4)[:, :300], "normalized", None),
    "log1p CP10k": (lambda x: np.log1p(normalized(x, 1e4)), "log1p", 1e4),
    "log1p CPM": (lambda x: np.log1p(normalized(x, 1e6)), "log1p", 1e6),
    "log1p median": (lambda x: np.log1p(normalized(x, MEDIAN)), "log1p", MEDIAN),
    "log1p counts": (np.log1p, "log1p", None),
    "log1p of a gene subset": (lambda x: np.log1p(normalized(x, 1e4))[:, :300], "log1p", None),
    "three decimals": (lambda x: np.log1p(normalized(x, 1e4)).round(3), "log1p", 1e4),
    "z-scored": (lambda x: (x - x.mean(0)) / x.std(0).clip(1e-3), "scaled", None),
    "log2": (lambda x: np.log2(1 + normalized(x, 1e4)), "unrecognised", None),
    "log10": (lambda x: np.log10(1 + normalized(x, 1e4)), "unrecognised", None),
    "log2 counts": (lambda x: np.log2(1 + x), "unrecognised", None),
    "square root": (lambda x: np.sqrt(normalized(x, 1e4)), "unrecognised", None),
    "double log": (lambda x: np.log1p(np.log1p(normalized(x, 1e4))), "unrecognised", None),
    "double log subset": (
        lambda x: np.log1p(np.log1p(normalized(x, 1e4)))[:, :300],
        "unrecognised",
        None,
    ),
    "counts plus a constant": (lambda x: x + 0.0019, "unrecognised", None),
    "counts plus a larger constant": (lambda x: x + 0.04, "unrecognised", None),
    "0–1 per gene": (lambda x: x / x.max(0).clip(1), "unrecognised", None),
}


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_scale_of_real_cells(counts, kind, container):
    transform, name, target = SCALES[kind]
    found = identify_scale(container(transform(counts)))
    assert found.name == name
    assert found.target_sum == (None if target is None else pytest.approx(target, rel=1e-3))


def test_installed_cells(cells):
    assert identify_scale(cells.X).name == "log1p"
    assert identify_scale(cells.layers["counts"]).name == "counts"


@pytest.mark.parametrize("kind", ["CP10k", "log1p CP10k", "log1p of a gene subset"])
def test_one_cell_alone_is_told_as_in_the_file(counts, kind):
    X = SCALES[kind][0](counts)
    expected = {SCALES[kind][1]}
    # whole numbers by chance are counts times one: the same model input
    allowed = expected | {"counts"} if kind == "CP10k" else expected
    for i in range(len(X)):
        assert identify_scale(X[i : i + 1]).name in allowed, i


def mixtures(counts):
    capped = np.minimum(counts, 20)
    log = np.log1p(normalized(counts, 1e4))
    yield "counts in log1p", capped, log
    yield "log1p in counts", log, capped
    yield "double log in log1p", np.log1p(log), log
    yield "log1p in CP10k", log, normalized(counts, 1e4)


@pytest.mark.parametrize("n_odd", [3, 100, 350])
@pytest.mark.parametrize("which", range(4))
def test_mixed_scales_are_refused(counts, which, n_odd):
    name, odd, rest = list(mixtures(counts))[which]
    X = rest.copy()
    X[:n_odd] = odd[:n_odd]
    assert identify_scale(X).name == "unrecognised", name


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
    assert identify_scale(np.log1p(normalized(counts, 1e4)).astype(dtype)).name == "log1p"


@pytest.mark.parametrize("dtype", ["complex64", "U3", "O"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(TypeError, match="numbers are needed"):
        identify_scale(np.array([[1, 2]]).astype(dtype))


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, np.asarray])
def test_backed(counts, container, tmp_path):
    X = as_h5ad(container(counts.astype(np.float32)), tmp_path / "x.h5ad")
    assert identify_scale(X).name == "counts"


def test_backed_csc(counts, tmp_path):
    X = as_h5ad(sp.csc_matrix(counts.astype(np.float32)), tmp_path / "x.h5ad")
    assert identify_scale(X).name == "counts"


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


def test_a_matrix_of_zeros_is_counts():
    assert identify_scale(np.zeros((3, 4))).name == "counts"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_values_that_are_not_finite_are_named(counts, value, container):
    X = counts.copy()
    X[41, 7] = value
    genes = pd.Index([f"GENE{j}" for j in range(X.shape[1])])
    with pytest.raises(ValuesError, match=r"cell number 41, gene 'GENE7'") as caught:
        identify_scale(container(X), var_names=genes)
    assert str(value) in str(caught.value)


@pytest.mark.parametrize(("kind", "words"), [("z-scored", "z-scored"), ("log2", "neither counts")])
def test_refusal_names_what_was_found_and_what_else_there_is(counts, kind, words):
    scale = identify_scale(SCALES[kind][0](counts))
    with pytest.raises(ScaleError, match=words) as caught:
        require_convertible(scale, where="adata.X", alternatives="try layer='counts'")
    text = str(caught.value)
    assert "adata.X" in text
    assert "try layer='counts'" in text
    assert f"{scale.minimum:.3g}" in text


@pytest.mark.parametrize("kind", ["counts", "CP10k", "log1p CP10k"])
def test_what_can_be_converted_passes(counts, kind):
    scale = identify_scale(SCALES[kind][0](counts))
    assert require_convertible(scale, where="adata.X", alternatives="") is None


def test_every_real_file_on_every_scale(real_data):
    rng = np.random.default_rng(0)
    files = sorted(real_data.glob("*.h5ad"))
    assert files
    for path in files:
        X = sp.csr_matrix(ad.read_h5ad(path, backed="r")[:300].to_memory().X).astype(np.float32)
        X = X[np.asarray(X.sum(axis=1)).ravel() > 0]
        total = np.asarray(X.sum(axis=1)).ravel()
        cp10k = sp.csr_matrix(X.multiply((1e4 / total)[:, None])).astype(np.float32)
        log = cp10k.log1p()
        some = np.sort(rng.permutation(X.shape[1])[:500])
        for genes in (slice(None), some):
            assert identify_scale(X[:, genes]).name == "counts", path
            assert identify_scale(cp10k[:, genes]).name == "normalized", path
            assert identify_scale(log[:, genes]).name == "log1p", path
            assert identify_scale(log.log1p()[:, genes]).name == "unrecognised", path
            assert identify_scale((log / np.log(2))[:, genes]).name == "unrecognised", path
