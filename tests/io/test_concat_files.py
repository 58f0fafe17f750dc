"""Under the final name stands the finished file or what was there before; nothing else."""

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, read_h5ad, read_zarr

from cellclass.io._concat_files import finished_file, write_in_parts


@pytest.mark.parametrize("there", [False, True])
def test_an_error_leaves_what_was_there(tmp_path, there):
    out = tmp_path / "out.h5ad"
    if there:
        out.write_text("before")

    def fail():
        with finished_file(out, overwrite=True) as path:
            path.write_text("half")
            assert path.parent.parent == tmp_path
            assert path.suffix == ".h5ad"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == (["out.h5ad"] if there else [])
    assert not there or out.read_text() == "before"


def test_what_appears_in_the_meantime_is_not_replaced(tmp_path):
    out = tmp_path / "out.h5ad"

    def write():
        with finished_file(out, overwrite=False) as path:
            path.write_text("new")
            out.write_text("of somebody else")

    with pytest.raises(FileExistsError):
        write()
    assert out.read_text() == "of somebody else"


@pytest.mark.parametrize("before", ["folder", "file"])
@pytest.mark.parametrize("after", ["folder", "file"])
def test_files_and_folders_replace_each_other(tmp_path, before, after):
    out = tmp_path / "out.zarr"
    for kind in (before, after):
        with finished_file(out, overwrite=True) as path:
            path.mkdir() if kind == "folder" else path.write_text("x")
        assert out.is_dir() == (kind == "folder")
    assert [file.name for file in tmp_path.iterdir()] == ["out.zarr"]


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
