"""What a model finds of its genes in a query; what it lacks is said with its fix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract._gene_names import GeneNames
from cellclass.contract._genes import doubts_of, match_genes, organisms_differ, refuse_poor_match
from cellclass.errors import GeneError

GENES = pd.Index(["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB"])
IDS = pd.Index([f"ENSG{j:011d}" for j in range(5)])
MOUSE_IDS = pd.Index([f"ENSMUSG{j:011d}" for j in range(5)])
SELECTED = np.array([3, 0, 2])
IMPORTANCE = np.array([0.5, 0.3, 0.2])
SHARE = np.array([0.1, 0.1, 0.2, 0.2, 0.4])


def match(query, genes=GENES, aliases=None, **columns):
    query = query if isinstance(query, GeneNames) else GeneNames(pd.Index(query))
    genes = genes if isinstance(genes, GeneNames) else GeneNames(pd.Index(genes), **columns)
    how = {"importance": IMPORTANCE, "gene_share": SHARE, "aliases": aliases}
    return match_genes(genes, SELECTED, query, **how)


@given(st.permutations([*GENES, "X1", "X2"]), st.integers(0, 7))
def test_match_is_by_name_in_any_order(names, n):
    query = names[:n]
    found = match(query)
    for j, name in enumerate(query):
        assert found.known[j] == (name in GENES)
        expected = -1
        if name in GENES[SELECTED]:
            expected = list(GENES[SELECTED]).index(name)
        assert found.position[j] == expected
    missing = [k for k, name in enumerate(GENES[SELECTED]) if name not in query]
    assert found.missing.tolist() == missing
    assert found.missing_share == pytest.approx(IMPORTANCE[missing].sum())
    assert found.share == pytest.approx(SHARE[[name in query for name in GENES]].sum())
    assert found.n_extra == sum(name not in GENES for name in query)


def test_share_is_exactly_one_when_nothing_is_missing():
    assert match(["extra", *GENES[::-1]]).share == 1.0


@pytest.mark.parametrize(
    ("query", "genes"),
    [
        (GENES.str.lower(), GENES),
        (GENES, GENES.str.lower()),
        (GENES + " ", GENES),
        (IDS + ".7", IDS),
        (IDS, IDS + ".2"),
        (GeneNames(IDS, symbols={"name": GENES}), GENES),
        (IDS, GeneNames(GENES, ids={"": IDS})),
    ],
)
def test_other_spellings_are_the_same_genes(query, genes):
    found = match(query, genes)
    assert found.missing.size == 0
    assert found.known.all()
    assert found.position.tolist() == [1, -1, 2, 0, -1]
    assert found.share == 1.0


def test_aliases():
    renamed = [f"OLD{name}" for name in GENES]
    assert match(renamed).missing.size == 3
    assert match(renamed, aliases=dict(zip(renamed, GENES, strict=True))).missing.size == 0


def refusal(query, genes=GENES):
    with pytest.raises(GeneError) as caught:
        refuse_poor_match(match(query, genes), SELECTED, floor=0.2)
    return str(caught.value)


def test_ensembl_against_symbols_and_the_fixes_work():
    text = refusal(IDS)
    assert "the reference has gene symbols, the query has Ensembl identifiers" in text
    assert "'LYZ'" in text
    assert "'ENSG00000000000'" in text
    for fix in ("Add such a column", "query.var_names", "gene_aliases=cc.datasets.hgnc_symbols()"):
        assert fix in text
    assert match(GeneNames(IDS, symbols={"any": GENES})).missing.size == 0
    table = pd.DataFrame({"alias": IDS, "symbol": GENES})
    assert match(IDS, aliases=table).missing.size == 0


def test_symbols_against_ensembl():
    assert "the reference has Ensembl identifiers" in refusal(["CD3D", "LYZ"], IDS)


@pytest.mark.parametrize(
    ("query", "genes", "way"),
    [
        (["Cd3d", "Ms4a1", "Nkg7", "Lyz"], GENES, "upper"),
        (["CD3D", "NKG7", "LYZ"], pd.Index([name.capitalize() for name in GENES]), "capitalize"),
    ],
)
def test_another_organism_is_refused_and_the_fix_works(query, genes, way):
    text = refusal(query, genes)
    assert "as those of two organisms do" in text
    assert "differ only in upper and lower case" in text
    assert f"query.var_names.str.{way}()" in text
    renamed = getattr(pd.Index(query).str, way)()
    assert match(renamed, genes).missing.size == 0


@pytest.mark.parametrize(
    ("query", "genes"),
    [(MOUSE_IDS, IDS), (MOUSE_IDS, GeneNames(GENES, ids={"": IDS}))],
)
def test_identifiers_of_another_organism(query, genes):
    text = refusal(query, genes)
    assert "those of mouse, and those of the reference of human" in text
    assert "orthologues" in text


def test_numbers_and_ambiguous_names_are_called_that():
    assert "numbers name no genes" in refusal(["0", "1", "2"])
    twice = refusal(["LYZ ", " LYZ", "CD3D ", " CD3D", "NKG7\t", "NKG7 "])
    assert "6 names could be several genes, such as 'LYZ '" in twice


def test_no_overlap_at_all():
    text = refusal(["FOO", "BAR"])
    assert "0 of the 3 genes" in text
    assert "same organism" in text
    assert "gene_aliases" in text


def test_floor_is_a_share_of_importance_not_of_genes():
    assert refuse_poor_match(match(["LYZ"]), SELECTED, floor=0.5) is None
    with pytest.raises(GeneError, match=r"2 of the 3 genes.*50%.*at least 60%"):
        refuse_poor_match(match(["CD3D", "NKG7"]), SELECTED, floor=0.6)


def test_orthologues_in_a_column_are_matched_and_said():
    mouse = GENES.str.capitalize()
    found = match(GeneNames(MOUSE_IDS, symbols={"human": GENES}), GeneNames(GENES, {"": IDS}))
    assert found.missing.size == 0
    assert "of another organism" in doubts_of(found.lookup)[0]
    assert "mouse" in organisms_differ(found.lookup)
    found = match(GeneNames(mouse, ids={"human": IDS}), GeneNames(GENES, {"": IDS}))
    assert found.missing.size == 0
    assert "CD3D is a human gene" in doubts_of(found.lookup)[0]


def test_numbers_for_names_are_doubted():
    numbers = [str(j) for j in range(5)]
    found = match(numbers, numbers)
    assert found.missing.size == 0
    assert "matched by number" in doubts_of(found.lookup)[0]


def test_one_organism_raises_no_doubts():
    for query in (GENES, GENES.str.lower(), GeneNames(GENES, ids={"": IDS})):
        assert doubts_of(match(query).lookup) == []
