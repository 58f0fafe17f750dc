"""Rows come out the same from whatever holds them."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract._rows import prepare_rows, row_chunks, stored_values, take_rows

X = np.array([[0, 1, 2], [3, 0, 0], [0, 0, 0], [4, 5, 6]])
KINDS = [
    np.asarray,
    np.asfortranarray,
    sp.csr_matrix,
    sp.csr_array,
    sp.csc_matrix,
    sp.csc_array,
    sp.coo_array,
    sp.lil_matrix,
]


def dense(chunk):
    return chunk if isinstance(chunk, np.ndarray) else chunk.toarray()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32", "float64"])
@pytest.mark.parametrize("rows", [slice(1, 3), slice(0, 4), np.array([0, 3]), slice(2, 2)])
def test_take_rows(kind, dtype, rows):
    chunk = take_rows(prepare_rows(kind(X.astype(dtype))), rows)
    np.testing.assert_array_equal(dense(chunk), X[rows])
    assert chunk.dtype in (np.float32, np.float64)
    assert chunk.dtype.isnative
    if isinstance(chunk, np.ndarray):
        assert chunk.flags.c_contiguous
    else:
        assert chunk.has_canonical_format


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray])
def test_foreign_byte_order(kind):
    chunk = take_rows(prepare_rows(kind(X.astype(">f4"))), slice(1, 4))
    assert chunk.dtype == np.float32
    np.testing.assert_array_equal(chunk, X[1:4])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize("rows", [slice(1, 3), np.array([0, 3])])
def test_take_rows_of_a_file(kind, rows, tmp_path):
    ad.AnnData(kind(X.astype(np.float32))).write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_array_equal(dense(take_rows(prepare_rows(backed.X), rows)), X[rows])


def test_large_integers_stay_exact():
    big = np.array([[2**24 + 1]])
    assert take_rows(big, slice(None)).item() == 2**24 + 1


@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_chunks_cover_all_rows_once(size):
    parts = list(row_chunks(sp.csr_matrix(X), size=size))
    np.testing.assert_array_equal(np.vstack([dense(chunk) for _, chunk in parts]), X)
    assert [row for rows, _ in parts for row in range(rows.start, rows.stop)] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_stored_values_start_where_rows_start(kind):
    values, starts = stored_values(take_rows(kind(X.astype(float)), slice(0, 4)))
    for i, row in enumerate(X):
        part = values[starts[i] : starts[i + 1]]
        np.testing.assert_array_equal(part[part != 0], row[row != 0])
