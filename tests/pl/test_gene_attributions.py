"""The pictures show the frames."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import cellclass as cc

pytest.importorskip("captum")


@pytest.fixture
def attributed(query, model):
    cc.tl.attribute_genes(query, model, groupby="cell_type")
    yield query
    plt.close("all")


def test_table(attributed):
    ax = cc.pl.gene_attributions(attributed, n_genes=2, show=False)
    best = cc.get.gene_attributions_df(attributed, n_genes=2)
    genes = [text.get_text() for text in ax.get_yticklabels()]
    assert genes == list(dict.fromkeys(best["names"]))
    assert [text.get_text() for text in ax.get_xticklabels()] == list(dict.fromkeys(best["label"]))
    values = ax.images[0].get_array()
    np.testing.assert_array_equal(values, attributed.varm["attributions"].loc[genes])


def test_bars(attributed):
    _, own = plt.subplots()
    ax = cc.pl.gene_attributions(attributed, label="CD19+ B", n_genes=6, ax=own)
    assert ax is own
    frame = cc.get.gene_attributions_df(attributed, label="CD19+ B", n_genes=6)
    assert [text.get_text() for text in ax.get_yticklabels()] == frame["names"].tolist()
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], frame["scores"])
    assert "CD19+ B" in ax.get_title()


def test_nothing_to_draw(query):
    with pytest.raises(KeyError, match=r"cc.tl.attribute_genes"):
        cc.pl.gene_attributions(query)
