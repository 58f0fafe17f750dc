"""Genes are matched by name; what cannot be matched is said with its fix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract._genes import gene_namespace, match_genes, refuse_poor_match
from cellclass.errors import GeneError

GENES = pd.Index(["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB"])
SELECTED = np.array([3, 0, 2])
IMPORTANCE = np.array([0.5, 0.3, 0.2])
SHARE = np.array([0.1, 0.1, 0.2, 0.2, 0.4])


def match(query, genes=GENES):
    return match_genes(genes, SELECTED, pd.Index(query), importance=IMPORTANCE, gene_share=SHARE)


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
    ("names", "namespace"),
    [
        (["CD3D", "LYZ"], "symbol"),
        (["ENSG00000167286", "ENSG00000090382"], "ensembl"),
        (["ENSMUSG00000032094.8", "ENSMUSG00000069516.1"], "ensembl"),
        (["ENSG00000167286", "LYZ", "CD3D"], "symbol"),
        (["12", "13"], "symbol"),
    ],
)
def test_namespace(names, namespace):
    assert gene_namespace(pd.Index(names)) == namespace


def refusal(query, genes=GENES):
    index = pd.Index(query)
    with pytest.raises(GeneError) as caught:
        refuse_poor_match(match(query, genes), genes, SELECTED, index, floor=0.2)
    return str(caught.value)


def test_ensembl_against_symbols():
    text = refusal([f"ENSG{j:011d}" for j in range(5)])
    assert "trained on gene symbols, the query has Ensembl identifiers" in text
    assert "'LYZ'" in text
    assert "'ENSG00000000000'" in text
    assert "query.var_names" in text


def test_symbols_against_ensembl():
    ensembl = pd.Index([f"ENSG{j:011d}" for j in range(5)])
    assert "trained on Ensembl identifiers" in refusal(["CD3D", "LYZ"], ensembl)


@pytest.mark.parametrize(
    ("query", "genes", "way"),
    [
        (["Cd3d", "Ms4a1", "Nkg7", "Lyz"], GENES, "upper"),
        (["CD3D", "NKG7", "LYZ"], pd.Index([name.capitalize() for name in GENES]), "capitalize"),
        (["CD3D", "NKG7", "LYZ"], GENES.str.lower(), "lower"),
    ],
)
def test_names_that_differ_in_case_and_the_fix_works(query, genes, way):
    text = refusal(query, genes)
    assert "differ only in upper and lower case" in text
    assert f"query.var_names.str.{way}()" in text
    renamed = getattr(pd.Index(query).str, way)()
    assert match(renamed, genes).missing.size == 0


def test_ensembl_versions_and_the_fix_works():
    ensembl = pd.Index([f"ENSG{j:011d}" for j in range(5)])
    query = ensembl + ".7"
    text = refusal(query, ensembl)
    assert "differ only in the version" in text
    assert r'str.replace(r"[.][0-9]+$", "", regex=True)' in text
    renamed = query.str.replace(r"[.][0-9]+$", "", regex=True)
    assert match(renamed, ensembl).missing.size == 0


def test_no_overlap_at_all():
    text = refusal(["FOO", "BAR"])
    assert "0 of the 3 genes" in text
    assert "same organism" in text


def test_floor_is_a_share_of_importance_not_of_genes():
    index = pd.Index(["LYZ"])
    assert refuse_poor_match(match(index), GENES, SELECTED, index, floor=0.5) is None
    index = pd.Index(["CD3D", "NKG7"])
    with pytest.raises(GeneError, match="2 of the 3 genes.*50%.*at least 60%"):
        refuse_poor_match(match(index), GENES, SELECTED, index, floor=0.6)
