"""Where the expression stands, and what else there is."""

import anndata as ad
import pytest

from cellclass.contract._source import locate


def test_x_and_layer(cells):
    assert locate(cells, None).where == "adata.X"
    assert locate(cells, None).matrix is cells.X
    found = locate(cells, "counts")
    assert found.where == "adata.layers['counts']"
    assert found.matrix is cells.layers["counts"]


def test_alternatives_are_looked_at(cells):
    assert "(layer='counts') holds counts" in locate(cells, None).alternatives
    cells.raw = cells
    assert (
        "(adata.raw.to_adata()) holds log1p of normalized" in locate(cells, "counts").alternatives
    )
    cells.layers["z"] = cells.X.toarray() - 1
    assert "'z'" not in locate(cells, None).alternatives
    del cells.layers["counts"]
    del cells.raw
    found = locate(cells, None).alternatives
    assert found == "nor does this AnnData hold a usable scale in adata.layers['z'] (layer='z')"
    del cells.layers["z"]
    assert "no other layer and no .raw" in locate(cells, None).alternatives


def test_alternatives_in_a_file(cells, tmp_path):
    cells.raw = cells
    cells.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    assert "adata.raw" in locate(backed, "counts").alternatives
    assert "adata.X (layer='X') holds log1p" in locate(backed, "counts").alternatives


def test_missing_layer_and_missing_x(cells):
    with pytest.raises(KeyError, match=r"layer='raw'.*'counts'"):
        locate(cells, "raw")
    cells.X = None
    with pytest.raises(ValueError, match=r"adata.X is empty.*'counts'"):
        locate(cells, None)
