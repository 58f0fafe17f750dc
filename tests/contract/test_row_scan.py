import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from cellclass.contract._row_scan import NotFiniteError, _scan, scan_rows
from cellclass.contract._rows import CHUNK_SIZE
from cellclass.contract._scale import identify_scale
from cellclass.contract._verdict import judge

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


@pytest.fixture
def many():
    return np.random.default_rng(0).poisson(5.0, (3 * CHUNK_SIZE, 9)).astype(np.float32)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_of_further_counts_only_what_decides_is_described(many, kind):
    rows = scan_rows(kind(many), PRECISION)
    assert rows["bits"][:CHUNK_SIZE].any()
    assert not rows["bits"][CHUNK_SIZE:].any()
    assert judge(rows, n_vars=9) == judge(_scan(many, PRECISION, trust_counts=False), n_vars=9)
    assert identify_scale(kind(many)).name == "counts"


@pytest.mark.parametrize("place", [0, CHUNK_SIZE + 5, -1])
@pytest.mark.parametrize("change", [np.log1p, np.negative, lambda x: x + 0.25])
def test_what_comes_after_counts_is_seen(many, place, change):
    many[place] = change(many[place])
    expected = _scan(many, PRECISION, trust_counts=False)
    assert scan_rows(many, PRECISION).tobytes() == expected.tobytes()


def test_a_value_that_is_none_after_counts_is_found(many):
    many[-1, 4] = np.inf
    with pytest.raises(NotFiniteError) as found:
        scan_rows(many, PRECISION)
    assert (found.value.cell, found.value.gene) == (len(many) - 1, 4)


def test_small_counts_may_be_logarithms_and_are_described_to_the_end():
    X = np.ones((2 * CHUNK_SIZE, 3), dtype=np.float32)
    assert scan_rows(X, PRECISION)["n_large"].all()
