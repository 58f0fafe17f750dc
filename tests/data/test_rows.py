"""Rows come dense, at any positions, from dense and sparse matrices alike."""

import numpy as np
import scipy.sparse as sp
import torch

from cellclass.data._rows import DenseRows, SparseRows


def test_rows_of_either_kind():
    rng = np.random.default_rng(0)
    X = (rng.random((20, 7)) * (rng.random((20, 7)) < 0.3)).astype(np.float32)
    X[3] = 0
    kept = torch.tensor([3, 1, 4, 15, 9, 2])
    dense = DenseRows(torch.from_numpy(X), kept)
    sparse = SparseRows(sp.csr_matrix(X), kept, torch.device("cpu"))
    for rows in (torch.tensor([5, 0, 0, 2]), slice(1, 4), torch.tensor([], dtype=torch.int64)):
        expected = torch.from_numpy(X)[kept[rows]]
        assert torch.equal(dense[rows], expected)
        assert torch.equal(sparse[rows], expected)
    assert len(dense) == len(sparse) == 6
