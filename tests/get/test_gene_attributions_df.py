"""The frame has what was written."""

import pytest

import cellclass as cc

pytest.importorskip("captum")


@pytest.fixture
def attributed(query, model):
    cc.tl.attribute_genes(query, model, groupby="cell_type")
    return query


def test_best_genes_of_each_label(attributed):
    labels = list(attributed.uns["attributions"]["labels"])
    frame = cc.get.gene_attributions_df(attributed, n_genes=2)
    assert frame.columns.tolist() == ["label", "names", "scores"]
    assert frame["label"].tolist() == [label for label in labels for _ in range(2)]
    one = cc.get.gene_attributions_df(attributed, label=labels[3], n_genes=2)
    assert one["names"].tolist() == frame.loc[frame["label"] == labels[3], "names"].tolist()
    assert len(cc.get.gene_attributions_df(attributed, label=labels[3])) == 300


def test_errors(attributed):
    with pytest.raises(KeyError, match=r"key='x'.*key_added='x'"):
        cc.get.gene_attributions_df(attributed, key="x")
    with pytest.raises(KeyError, match=r"label='CD19 B' has no attributions.*CD19"):
        cc.get.gene_attributions_df(attributed, label="CD19 B")
    with pytest.raises(ValueError, match="n_genes=0"):
        cc.get.gene_attributions_df(attributed, n_genes=0)
