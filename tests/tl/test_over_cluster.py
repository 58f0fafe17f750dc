"""Clusters come from what is there, are the same each time, and need a package that says so."""

import builtins

import numpy as np
import pytest

from cellclass.errors import ScaleError
from cellclass.tl._over_cluster import over_cluster


def clusters(adata, **kwargs):
    arguments = {"layer": None, "resolution": None, "seed": 0} | kwargs
    return over_cluster(adata, **arguments)


@pytest.fixture
def _igraph():
    pytest.importorskip("igraph")


@pytest.mark.usefixtures("_igraph")
def test_from_the_expression(tiny, unchanged):
    with unchanged(tiny):
        names, resolution = clusters(tiny)
    assert resolution == 5
    assert names.shape == (90,)
    assert 3 <= len(np.unique(names)) < 90
    assert (clusters(tiny)[0] == names).all()
    coarse, resolution = clusters(tiny, resolution=0.5)
    assert resolution == 0.5
    assert len(np.unique(coarse)) < len(np.unique(names))


@pytest.mark.usefixtures("_igraph")
def test_from_components_and_from_a_graph(tiny, unchanged):
    import scanpy as sc

    places = np.repeat(np.eye(3) * 100, 30, axis=0) + np.random.default_rng(0).normal(size=(90, 3))
    tiny.obsm["X_pca"] = places
    with unchanged(tiny):
        names, _ = clusters(tiny, resolution=0.1)
    assert len(np.unique(names)) == 3
    assert len(np.unique(names[:30])) == 1
    sc.pp.neighbors(tiny, use_rep="X_pca")
    tiny.obsm["X_pca"] = tiny.obsm["X_pca"][::-1] * 0
    assert (clusters(tiny, resolution=0.1)[0][:30] == names[0]).all()
    tiny.layers["scaled"] = tiny.X.toarray() - 1
    with pytest.raises(ScaleError, match="negative"):  # a layer that is named is read
        clusters(tiny, layer="scaled")


@pytest.mark.usefixtures("_igraph")
def test_few_cells(tiny):
    assert clusters(tiny[:10].copy())[0].shape == (10,)
    with pytest.raises(ValueError, match=r"9 cells are too few.*groups_key"):
        clusters(tiny[:9].copy())


@pytest.mark.usefixtures("_igraph")
def test_backed(tiny, tmp_path):
    import anndata as ad

    tiny.write_h5ad(tmp_path / "q.h5ad")
    backed = ad.read_h5ad(tmp_path / "q.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"backed by a file.*groups_key"):
        clusters(backed)
    backed.file.close()


def test_without_igraph(tiny, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "igraph":
            raise ImportError("No module named 'igraph'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError) as caught:
        clusters(tiny)
    assert "pip install 'cellclass[clusters]'" in caught.value.__notes__[0]
    assert "cc.tl.majority_vote(adata, 'leiden')" in caught.value.__notes__[0]
