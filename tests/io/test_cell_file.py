import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from cellclass.io._cell_file import SUFFIXES, write_cells


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("n_entries", [0, 500])
@pytest.mark.parametrize("step", [1, 30, 100])
def test_blocks_are_written_as_one_matrix(tmp_path, suffix, n_entries, step):
    X = sparse.random_array((100, 20), density=n_entries / 2000, rng=np.random.default_rng(0))
    X = sparse.csr_matrix(X.astype(np.float32))
    frame = ad.AnnData(
        obs=pd.DataFrame(index=[f"c{i}" for i in range(100)]),
        var=pd.DataFrame(
            {"gene_ids": [f"id{i}" for i in range(20)]}, index=[*"abcdefghijklmnopqrst"]
        ),
        uns={"some": {"where": "here"}},
    )
    indptr = X.indptr.astype(np.int64)

    def blocks():
        for start in range(0, 100, step):
            stop = min(100, start + step)
            inside = slice(indptr[start], indptr[stop])
            yield start, stop, X.indices[inside], X.data[inside]

    path = tmp_path / f"x{suffix}"
    write_cells(path, frame, indptr, blocks())
    read = (ad.read_h5ad if suffix == ".h5ad" else ad.read_zarr)(path)
    assert isinstance(read.X, sparse.csr_matrix)
    assert read.X.dtype == np.float32
    np.testing.assert_array_equal(read.X.toarray(), X.toarray())
    pd.testing.assert_frame_equal(read.obs, frame.obs)
    pd.testing.assert_frame_equal(read.var, frame.var)
    assert read.uns["some"]["where"] == "here"
