"""Where the expression stands, and what else there is."""

import pytest

from cellclass.contract._source import locate


def test_x_and_layer(cells):
    assert locate(cells, None).where == "adata.X"
    assert locate(cells, None).matrix is cells.X
    found = locate(cells, "counts")
    assert found.where == "adata.layers['counts']"
    assert found.matrix is cells.layers["counts"]


def test_alternatives_are_named(cells):
    assert "layer='counts'" in locate(cells, None).alternatives
    cells.raw = cells
    assert "adata.raw.to_adata()" in locate(cells, "counts").alternatives
    del cells.raw
    cells.X = None
    assert "no other layer and no .raw" in locate(cells, "counts").alternatives


def test_missing_layer_and_missing_x(cells):
    with pytest.raises(KeyError, match=r"layer='raw'.*'counts'"):
        locate(cells, "raw")
    cells.X = None
    with pytest.raises(ValueError, match=r"adata.X is empty.*'counts'"):
        locate(cells, None)
