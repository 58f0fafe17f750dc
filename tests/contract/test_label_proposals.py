"""Proposals name the commonest spelling, explain themselves, and leave nothing to merge."""

from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract import Synonym, propose_merges

WORDS = [
    "T",
    "B",
    "cell",
    "cells",
    "naive",
    "CD4",
    "CD4+",
    "CD4-",
    "α",
    "alpha",
    " ",
    "_",
    "nan",
    "t",
]
LABELS = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
REFERENCES = st.dictionaries(
    st.sampled_from(["a", "b"]), st.dictionaries(LABELS, st.integers(1, 9), max_size=6), max_size=2
)
TABLE = [Synonym("naiveT", "T", "synonym"), Synonym("CD4", "CD4 positive T cell", "synonym")]


def apply(references, proposals):
    """Merge as proposed."""
    told = {(row.reference, row.label): row.proposed for row in proposals}
    merged = {name: {} for name in references}
    for name, counts in references.items():
        for label, n_cells in counts.items():
            new = told.get((name, label), label)
            if new is not None:
                merged[name][new] = merged[name].get(new, 0) + n_cells
    return merged


@given(REFERENCES, st.sampled_from([(), TABLE]), st.sampled_from([0.0, 0.5, 0.9]))
def test_merging_all_leaves_nothing_to_merge(references, synonyms, min_score):
    found = propose_merges(references, synonyms=synonyms, min_score=min_score)
    for row in found:
        assert references[row.reference][row.label] == row.n_cells
        assert row.label != row.proposed
        assert min_score <= row.score <= 1
        assert row.reason
    targets = {row.proposed for row in found}
    assert not targets & {row.label for row in found}  # no chains
    merged = apply(references, found)
    again = propose_merges(merged, synonyms=synonyms, min_score=min_score)
    assert not again


def test_the_commonest_spelling_over_all_references_is_proposed():
    found = propose_merges({"a": {"T cells": 5, "T-cell": 4}, "b": {"T-cell": 4, "NKT": 9}})
    assert [(row.reference, row.label, row.proposed) for row in found] == [
        ("a", "T cells", "T-cell")
    ]


def test_white_space_is_proposed_without_a_partner():
    (row,) = propose_merges({"a": {"NK ": 5, "B": 3}})
    assert (row.label, row.proposed, row.reason, row.score) == ("NK ", "NK", "white space", 1.0)


def test_text_for_missing_values_is_reported():
    found = propose_merges({"a": {"nan": 5, "": 2, "B": 3}})
    assert [(row.label, row.proposed, row.score) for row in found] == [
        ("", None, 1),
        ("nan", None, 0.95),
    ]


def test_synonyms_name_the_group():
    table = [Synonym("Treg", "regulatory T cell", "synonym")]
    found = propose_merges(
        {"a": {"T reg": 5, "Treg": 2, "Regulatory T": 9, "B": 1}}, synonyms=table
    )
    reasons = {row.label: (row.proposed, row.reason, row.score) for row in found}
    assert reasons == {
        "Treg": ("regulatory T cell", "synonym", 1.0),
        "T reg": ("regulatory T cell", "synonym (Treg), written together", 0.8),
        "Regulatory T": ("regulatory T cell", "case, the word cell", 0.891),
    }


def test_the_caller_may_mean_something_by_text_for_a_missing_value():
    table = [Synonym("NA", "neutrophil A", "synonym")]
    (row,) = propose_merges({"a": {"NA": 5}}, synonyms=table)
    assert (row.proposed, row.score) == ("neutrophil A", 1.0)


def test_a_synonym_of_two_names_is_left_alone():
    table = [Synonym("A cell", "alpha cell", "one"), Synonym("a-cells", "acinar cell", "other")]
    assert propose_merges({"a": {"A cell": 5, "B": 2}}, synonyms=table) == []


def test_labels_with_two_names_are_not_joined():
    table = [Synonym("T reg", "regulatory T cell", "one"), Synonym("Treg", "registered T", "other")]
    found = propose_merges({"a": {"T reg": 5, "Treg": 2}}, synonyms=table)
    assert {row.label: row.proposed for row in found} == {
        "T reg": "regulatory T cell",
        "Treg": "registered T",
    }


def test_low_scores_are_shown_on_request():
    references = {"a": {"T": 5}, "b": {"t": 3}}
    assert propose_merges(references) == []
    (row,) = propose_merges(references, min_score=0)
    assert (row.label, row.proposed, row.score) == ("t", "T", 0.3)
