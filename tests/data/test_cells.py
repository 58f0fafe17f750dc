"""Model input is kept dense where it fits, else sparse, else read when asked for."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.contract import InputContract
from cellclass.data import DenseCells, SparseCells, StreamedCells, keep_cells


@pytest.fixture(scope="module")
def adata():
    return cc.datasets.simulate_counts(300, 120, depth=40, rng=0)


def bound_to(adata):
    codes = adata.obs["cell_type"].cat.codes.to_numpy(np.int64)
    labels = tuple(adata.obs["cell_type"].cat.categories)
    return InputContract.learn(
        adata, layer=None, codes=codes, labels=labels, parts=[np.arange(300)], n_top_genes=40
    )[1]


def test_the_kind_follows_from_what_fits(adata, tmp_path, monkeypatch):
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    cells, rows = np.arange(1, 300, 2), np.array([7, 3, 149, 3])
    expected = bound_to(adata).read(cells)
    n_bytes = expected.nbytes
    nonzero = 8 * np.count_nonzero(expected)
    for most, kind in (
        (n_bytes, DenseCells),
        (min(int(1.2 * nonzero), n_bytes - 1), SparseCells),
        (nonzero // 2, StreamedCells),
    ):
        monkeypatch.setattr("cellclass.data._cells.MOST_KEPT", most)
        kept = keep_cells(bound_to(backed), cells)
        assert isinstance(kept, kind)
        assert kept.shape == expected.shape
        np.testing.assert_array_equal(kept.read(rows), expected[rows])


def test_a_matrix_in_memory_is_kept_beside_itself(adata, monkeypatch):
    monkeypatch.setattr("cellclass.data._cells.MOST_KEPT", 1)
    wide = adata.copy()
    wide.X = sp.csr_matrix(wide.X, dtype=np.float64)
    assert not isinstance(keep_cells(bound_to(wide), np.arange(300)), StreamedCells)
