import numpy as np
import pytest

from cellclass.kernels import lowest_counts, middle_counts


@pytest.mark.parametrize("bins", [None, 8, ("quantile", 4)])
def test_no_counts_that_all_genes_share(bins):
    assert lowest_counts(bins) is None


def test_octaves():
    assert lowest_counts("log2")[:7].tolist() == [0, 1, 2, 4, 8, 16, 32]
    assert lowest_counts(("log2", 2))[:9].tolist() == [0, 1, 2, 3, 4, 6, 8, 12, 16]
    for bins in ("log2", ("log2", 4)):
        lowest = lowest_counts(bins)
        assert (np.diff(lowest) > 0).all()
        assert lowest[-1] >= 2**24


def test_middles():
    assert middle_counts(None) is None
    assert middle_counts(("quantile", 4)) is None
    assert middle_counts("log2")[:5].tolist() == [0, 1, 2.5, 5.5, 11.5]
    assert middle_counts(4).tolist() == [0, 0.5, 1.5, 2.5, 3.5]
