"""Under the final name stands the finished file or what was there before; nothing else."""

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, read_h5ad, read_zarr

from cellclass.io._concat_files import write_in_parts


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_parts_are_written_one_below_the_other(tmp_path, suffix):
    X = sp.random(20, 5, 0.4, format="csr", dtype=np.float32, random_state=0)
    annotation = AnnData(
        obs=pd.DataFrame({"n": range(20)}, index=[f"c{number}" for number in range(20)]),
        var=pd.DataFrame({"m": 1.5}, index=list("abcde")),
    )
    parts = [X[:7], X[7:7], X[7:8], X[8:]]
    write_in_parts(tmp_path / f"out{suffix}", annotation, iter(parts))
    found = (read_h5ad if suffix == ".h5ad" else read_zarr)(tmp_path / f"out{suffix}")
    np.testing.assert_array_equal(found.X.toarray(), X.toarray())
    assert found.X.format == "csr"
    assert found.obs["n"].tolist() == list(range(20))
    assert found.var["m"].tolist() == [1.5] * 5


def test_there_may_be_more_entries_than_int32_counts(tmp_path):
    annotation = AnnData(obs=pd.DataFrame(index=list("xy")), var=pd.DataFrame(index=["a"]))
    one = sp.csr_matrix(np.ones((1, 1), dtype=np.float32))
    write_in_parts(tmp_path / "out.h5ad", annotation, [one, one])
    with h5py.File(tmp_path / "out.h5ad") as file:
        assert file["X/indptr"].dtype == np.int64
