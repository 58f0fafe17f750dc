"""Queries that were labelled, by a model or by hand."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass._report._facts import gather


@pytest.fixture(scope="session")
def _annotated(_cells, _split, model):
    return cc.tl.annotate(_cells[_split[1]].copy(), model, copy=True)


@pytest.fixture
def annotated(_annotated) -> ad.AnnData:
    """The query, labelled by `model`, with `obs["cell_type"]` as truth and a UMAP; a copy."""
    return _annotated.copy()


def by_hand(given, truth=None, *, confidence=0.9, pvalue=0.5, labels=None, umap=True):
    """Return an AnnData as `annotate` leaves it, with these labels and without a model's record."""
    n = len(given)
    names = list(dict.fromkeys([*(labels or []), *given]))
    names = [name for name in names if name != "unassigned"] + ["unassigned"]
    obs = pd.DataFrame(
        {
            "cellclass": pd.Categorical(given, categories=names),
            "cellclass_confidence": np.broadcast_to(np.float32(confidence), n).copy(),
            "cellclass_novelty_pvalue": np.broadcast_to(np.float32(pvalue), n).copy(),
        },
        index=[f"cell{i}" for i in range(n)],
    )
    if truth is not None:
        obs["truth"] = truth
    adata = ad.AnnData(np.zeros((n, 3), dtype=np.float32), obs=obs)
    if umap:
        adata.obsm["X_umap"] = np.random.default_rng(0).normal(size=(n, 2))
    return adata


@pytest.fixture(name="by_hand", scope="session")
def _by_hand():
    return by_hand


@pytest.fixture(scope="session")
def facts_of():
    """Gather the facts of an AnnData, without a model unless one is given."""

    def made(adata, model=None, *, labels_key=None, key="cellclass", layer=None):
        return gather(adata, model, labels_key=labels_key, layer=layer, gene_aliases=None, key=key)

    return made
