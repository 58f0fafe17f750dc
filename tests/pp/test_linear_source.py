"""The matrix that tokens are made of."""

import numpy as np
import pytest

from cellclass._checks import check_name
from cellclass.pp._linear_source import has_counts, linear_source


def test_counts_are_found(cells):
    source, scale = linear_source(cells, "counts", needs_sums=True)
    assert source.matrix is cells.layers["counts"]
    assert has_counts(scale)


def test_lost_sums_are_spoken_of_where_they_are_needed(cells):
    # logarithms of the variable genes of a larger matrix
    assert not has_counts(linear_source(cells, None, needs_sums=False)[1])
    with pytest.warns(UserWarning, match=r"adata.X holds log1p.*differ in their sum"):
        linear_source(cells, None, needs_sums=True)


def test_logarithms_of_counts_have_their_sums(cells):
    cells.layers["log"] = np.log1p(cells.layers["counts"])
    assert has_counts(linear_source(cells, "log", needs_sums=True)[1])


@pytest.mark.parametrize("name", ["", "a/b", None, 3])
def test_names_that_are_none(name):
    check_name("rank", "key_added")
    with pytest.raises(ValueError, match=f"key_added={name!r} is no name"):
        check_name(name, "key_added")
