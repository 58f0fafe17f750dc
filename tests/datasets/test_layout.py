"""Files that are not laid out as expected are refused."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from cellclass.datasets._layout import check_layout, whole_counts
from cellclass.errors import FileFormatError

PATH = Path("cells.csv")


def test_check_layout():
    check_layout(True, PATH, "")
    with pytest.raises(FileFormatError, match=r"cells.csv is not laid out .*: it has no X\."):
        check_layout(False, PATH, "it has no X")


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_counts(kind, dtype):
    dense = np.array([[0, 1, 300], [0, 0, 2]], dtype=dtype)
    counts = whole_counts(kind(dense), PATH)
    assert (counts.format, counts.dtype, counts.nnz) == ("csr", np.float32, 3)
    np.testing.assert_array_equal(counts.toarray(), dense)


@pytest.mark.parametrize("bad", [0.5, -1.0, np.nan, np.inf])
def test_values_that_are_no_counts(bad):
    with pytest.raises(FileFormatError, match="not counts"):
        whole_counts(np.array([[1.0, bad]]), PATH)
