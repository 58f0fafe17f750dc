import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract._row_scan import NotFiniteError, scan_rows

PRECISION = 6e-6


def matrix():
    return np.random.default_rng(0).poisson(0.5, (60, 9)).astype(np.float32)


def test_chunks_of_dask_are_described_as_the_whole_is():
    array = pytest.importorskip("dask.array")
    X = matrix()
    expected = scan_rows(sp.csr_matrix(X), PRECISION)
    assert expected["n_nonzero"].tolist() == (X > 0).sum(axis=1).tolist()
    for chunks in ((7, -1), (20, 4), ((10, 0, 50), -1)):
        lazy = array.from_array(X, chunks=chunks).map_blocks(sp.csr_matrix)
        assert scan_rows(lazy, PRECISION).tobytes() == expected.tobytes()


def test_cell_and_gene_are_those_of_the_whole_matrix():
    array = pytest.importorskip("dask.array")
    X = matrix()
    X[41, 3], X[41, 5] = np.nan, np.inf
    for one in (X, sp.csr_matrix(X), array.from_array(X, chunks=(7, -1))):
        with pytest.raises(NotFiniteError) as found:
            scan_rows(one, PRECISION)
        error = pickle.loads(pickle.dumps(found.value))  # as it comes from another process
        assert (error.cell, error.gene, error.n_more) == (41, 3, 1)
        assert np.isnan(error.value)
