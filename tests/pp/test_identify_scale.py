"""The public way to a scale."""

import dataclasses

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import cellclass as cc


def test_x_and_layer(cells, unchanged):
    with unchanged(cells):
        assert cc.pp.identify_scale(cells).name == "log1p"
        assert cc.pp.identify_scale(cells, layer="counts").name == "counts"
        assert cc.pp.identify_scale(cells, layer="X").name == "log1p"


def test_the_answer_is_frozen_and_reads_well(cells):
    scale = cc.pp.identify_scale(cells, layer="counts")
    assert isinstance(scale, cc.pp.Scale)
    assert str(scale) == "counts"
    assert scale.found == "every value is a whole number"
    with pytest.raises(dataclasses.FrozenInstanceError):
        scale.name = "log1p"


def test_a_backed_file_stays_backed(cells, tmp_path):
    cells.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    assert cc.pp.identify_scale(backed) == cc.pp.identify_scale(cells)
    assert backed.isbacked


def test_dask(cells):
    array = pytest.importorskip("dask.array")
    expected = cc.pp.identify_scale(cells)
    cells.X = array.from_array(cells.X.toarray(), chunks=(200, -1)).map_blocks(sp.csr_matrix)
    assert cc.pp.identify_scale(cells) == expected


def test_what_is_refused(cells):
    with pytest.raises(KeyError, match=r"layer='spliced'.*'counts'"):
        cc.pp.identify_scale(cells, layer="spliced")
    with pytest.raises(ValueError, match="0 cells"):
        cc.pp.identify_scale(cells[:0])
    cells.layers["counts"] = cells.layers["counts"].toarray()
    cells.layers["counts"][3, 5] = np.nan
    with pytest.raises(cc.errors.ValuesError, match=f"gene {cells.var_names[5]!r}"):
        cc.pp.identify_scale(cells, layer="counts")
