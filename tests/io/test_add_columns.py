"""Columns are written into a copy, of which all else stays."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.io._add_columns import add_columns


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_columns(tmp_path, suffix):
    adata = cc.datasets.simulate_counts(20, 30, n_labels=2, n_markers=3, rng=0)
    adata.uns["old"] = 1
    source, to = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's own, of formats to come
        (adata.write_h5ad if suffix == ".h5ad" else adata.write_zarr)(source)
    read = ad.read_h5ad if suffix == ".h5ad" else ad.read_zarr
    label = pd.Categorical(["x", "y"] * 10)
    add_columns(
        source,
        to,
        obs={"label": label, "batch": np.arange(20)},
        var={"rank": np.arange(30)},
        uns={"old": None, "new": {"a": 2}},
    )
    found, before = read(to), read(source)
    assert list(found.obs["label"]) == list(label)
    assert found.obs["batch"].tolist() == list(range(20))
    assert list(found.obs.columns) == [*before.obs.columns, "label"]
    assert found.var["rank"].tolist() == list(range(30))
    assert found.uns == {"new": {"a": 2}}
    assert (found.X != before.X).nnz == 0
    assert found.obsm == {}
    assert "rank" not in before.var
    assert before.uns["old"] == 1
