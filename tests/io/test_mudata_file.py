"""Files of MuData: read and written whole, without remarks of mudata."""

import numpy as np
import pytest

from cellclass.io._mudata_file import copy_mudata, read_mudata, write_mudata


def test_there_and_back(paired, tmp_path):
    write_mudata(paired, tmp_path / "cells.h5mu")
    found = read_mudata(tmp_path / "cells.h5mu")
    assert found.obs["cell_type"].tolist() == paired.obs["cell_type"].tolist()
    np.testing.assert_array_equal(found["prot"].X, paired["prot"].X)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no"):
        read_mudata(tmp_path / "cells.h5mu")


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_other_files(content, tmp_path):
    (tmp_path / "cells.h5mu").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read as an \.h5mu file"):
        read_mudata(tmp_path / "cells.h5mu")


def test_an_anndata_file_is_none(paired, tmp_path):
    paired["rna"].write_h5ad(tmp_path / "rna.h5ad")
    (tmp_path / "rna.h5ad").rename(tmp_path / "rna.h5mu")
    with pytest.raises(ValueError, match=r"cannot be read as an \.h5mu file"):
        read_mudata(tmp_path / "rna.h5mu")


def test_a_copy_is_one_of_its_own(paired):
    copied = copy_mudata(paired)
    copied["prot"].X[:] = 0
    copied.obs["new"] = 1
    assert paired["prot"].X.any()
    assert "new" not in paired.obs
