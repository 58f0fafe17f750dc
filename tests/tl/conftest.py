"""Annotations made by hand, for the tests of what is done with them."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest


def annotated(probability, labels, *, key="cellclass", unassigned=()) -> ad.AnnData:
    """Cells with the fields that `cc.tl.annotate` writes, as these probabilities make them."""
    probability = np.asarray(probability, dtype=np.float32)
    n_obs, names = len(probability), [f"cell{i}" for i in range(len(probability))]
    codes = probability.argmax(axis=1) if n_obs else np.empty(0, dtype=int)
    empty = np.isin(np.arange(n_obs), unassigned)
    adata = ad.AnnData(np.zeros((n_obs, 1), dtype=np.float32), obs=pd.DataFrame(index=names))
    adata.obs[key] = pd.Categorical.from_codes(
        np.where(empty, len(labels), codes), categories=[*labels, "unassigned"]
    ).remove_unused_categories()
    confidence = probability.max(axis=1) if n_obs else np.empty(0)
    adata.obs[f"{key}_confidence"] = np.where(empty, 0, confidence).astype(np.float32)
    adata.obs[f"{key}_novelty_pvalue"] = np.float32(0.5)
    columns = [label.replace("/", "|") for label in labels]
    adata.obsm[f"{key}_probability"] = pd.DataFrame(probability, index=names, columns=columns)
    adata.uns[key] = {
        "params": {"layer": "", "key_added": key},
        "labels": np.asarray(labels, dtype=object),
        "contract_report": {},
        "model": {},
    }
    return adata


@pytest.fixture(name="annotated", scope="session")
def _annotated():
    return annotated


@pytest.fixture
def mixture() -> ad.AnnData:
    """Clusters of 500 T, 100 B and 100 NK cells; 5 more B cells among the T, 4 of them sure.

    50 of the T cells lean towards NK.
    """
    t, b, lean, weak = [0.96, 0.02, 0.02], [0.03, 0.95, 0.02], [0.44, 0.01, 0.55], [0.6, 0.39, 0.01]
    nk = [0.04, 0.01, 0.95]
    cells = [t] * 450 + [lean] * 50 + [b] * 4 + [weak] + [b] * 100 + [nk] * 100
    adata = annotated(cells, ["T", "B/x", "NK"])
    adata.obs["leiden"] = pd.Categorical(["0"] * 505 + ["1"] * 100 + ["2"] * 100)
    adata.obs["truth"] = ["T"] * 500 + ["B/x"] * 105 + ["NK"] * 100
    return adata
