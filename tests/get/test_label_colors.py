"""Colours of labels: those that are shown, and those of the model."""

import anndata as ad
import numpy as np
import pandas as pd

from cellclass.get._label_colors import label_colors


def test_what_is_shown_goes_before_what_the_model_gave():
    adata = ad.AnnData(np.zeros((2, 1)), obs=pd.DataFrame(index=["a", "b"]))
    adata.obs["key"] = pd.Categorical(["B", "C"])
    adata.uns["key"] = {"labels": ["A", "B", "C"], "label_colors": ["red", "green", "blue"]}
    grey = {"unassigned": "#d3d3d3"}
    assert label_colors(adata, "key") == grey | {"A": "red", "B": "green", "C": "blue"}
    adata.uns["key_colors"] = ["black", "white"]
    assert label_colors(adata, "key") == grey | {"A": "red", "B": "black", "C": "white"}
    adata.uns["key_colors"] = ["black"]  # of other categories
    assert label_colors(adata, "key")["B"] == "green"


def test_without_an_annotation_there_are_none():
    adata = ad.AnnData(np.zeros((2, 1)))
    adata.uns["key"] = "something else"
    assert set(label_colors(adata, "key")) == {"unassigned"}
