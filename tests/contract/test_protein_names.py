"""Proteins are matched by name: the same, or the same but for how pipelines spell it."""

import pytest

from cellclass.contract._protein_names import match_proteins, protein_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("CD3", "cd3"),
        ("CD3_TotalSeqB", "cd3"),
        ("CD8a-TotalSeq-C", "cd8a"),
        ("adt_CD8A", "cd8a"),
        ("prot:CD45RA", "cd45ra"),
        ("anti-human CD45RA", "cd45ra"),
        ("PD-1", "pd1"),
        ("PD.1", "pd1"),
        ("HLA-DR", "hladr"),
        ("TCR-Va7.2", "tcrva7-2"),
        ("Ab", "ab"),
    ],
)
def test_key(name, key):
    assert protein_key(name) == key


def test_digits_stay_apart():
    assert protein_key("CD3-1") != protein_key("CD31")


def test_same_names_in_any_order():
    found = match_proteins(["CD3", "CD4", "CD8a"], ["CD8a", "CD19", "CD3"])
    assert found.column.tolist() == [2, -1, 0]
    assert found.renamed == ()


def test_other_spellings():
    found = match_proteins(["CD3", "PD-1"], ["PD1_TotalSeqB", "CD3_TotalSeqB"])
    assert found.column.tolist() == [1, 0]
    assert found.renamed == (("CD3", "CD3_TotalSeqB"), ("PD-1", "PD1_TotalSeqB"))


def test_what_could_be_two_is_none():
    assert match_proteins(["PD-1"], ["PD1", "pd.1"]).column.tolist() == [-1]
    assert match_proteins(["PD-1", "PD.1"], ["PD1"]).column.tolist() == [-1, -1]
    # The clone that has the very name is taken; the other one is not mistaken for anything.
    assert match_proteins(["CD3", "cd3"], ["CD3", "Cd3"]).column.tolist() == [0, -1]
