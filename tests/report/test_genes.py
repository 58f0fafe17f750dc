"""Genes behind the labels: those that are there, or found for some cells."""

import builtins

import pytest

import cellclass as cc
from cellclass._report._genes import rank_for_labels


def test_found_for_some_cells(annotated, model, facts_of, unchanged):
    pytest.importorskip("captum")
    facts = facts_of(annotated, model)
    with unchanged(annotated):
        genes = rank_for_labels(facts)
    given = set(annotated.obs["cellclass"].astype(str)) - {"unassigned"}
    assert set(genes.by_label) == given
    assert list(genes.by_label) == [label for label in model.labels if label in given]
    rare = annotated.obs["cellclass"].value_counts().loc[lambda n: (n > 0) & (n <= 25)].index[0]
    cc.tl.attribute_genes(annotated, model, n_cells_per_label=25)
    best = cc.get.gene_attributions_df(annotated, label=rare, n_genes=8)
    assert [gene for gene, _ in genes.by_label[rare]] == best["names"].tolist()
    assert len(genes.overall) == 16
    assert genes.overall[0][1] == model.contract.importance.max()
    assert "at most 25 cells" in genes.about


def test_those_that_are_there(annotated, model, facts_of):
    pytest.importorskip("captum")
    cc.tl.attribute_genes(annotated, model, groupby="cell_type", n_cells_per_label=3)
    genes = rank_for_labels(facts_of(annotated))
    assert "obs['cell_type']" in genes.about
    assert genes.overall == []
    assert "CD19+ B" in genes.by_label
    # those of another model explain nothing
    annotated.uns["attributions"]["model"]["trained"] = "another day"
    assert rank_for_labels(facts_of(annotated)).by_label == {}


def test_without_captum(annotated, model, facts_of, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **more):
        if name.startswith("captum"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    genes = rank_for_labels(facts_of(annotated, model))
    assert genes.by_label == {}
    assert "cellclass[attribution]" in genes.about
    assert genes.overall


def test_no_cell_has_a_label(annotated, model, facts_of):
    pytest.importorskip("captum")
    annotated.obs["cellclass"] = "unassigned"
    genes = rank_for_labels(facts_of(annotated, model))
    assert genes.by_label == {}
    assert "No cell has a label of the model" in genes.about


def test_without_a_model(by_hand, facts_of):
    assert "not known" in rank_for_labels(facts_of(by_hand(["A", "B"]))).about
