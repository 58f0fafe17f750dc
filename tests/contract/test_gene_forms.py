"""What is read from the form of a gene name."""

import numpy as np
import pandas as pd
import pytest

from cellclass.contract._gene_forms import (
    are_numbers,
    are_other_organisms,
    are_symbols,
    are_zebrafish,
    gene_namespace,
    identifier,
    is_ensembl,
    organism,
    same_but_for_case,
    symbol_style,
    texts,
    without_version,
)

HUMAN = ["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB", "C1orf112", "HLA-DRA", "AL627309.1", "MT-ND1"]
MOUSE = ["Cd3d", "Ms4a1", "Nkg7", "Lyz2", "Actb", "0610005C13Rik", "H2-Aa", "Gm1992", "mt-Nd1"]
FISH = ["cd4-1", "ms4a17a.1", "actb1", "si:dkey-23c22.4", "zgc:153867", "lyz"]


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("ENSG00000167286", "ENSG00000167286"),
        ("ENSG00000167286.9", "ENSG00000167286"),
        ("ENSG00000167286.9_4", "ENSG00000167286"),
        ("ENSMUSG00000032094.8", "ENSMUSG00000032094"),
        ("ENSG00000182378.15_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("ENSG00000182378_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("WBGene00000001.1", "WBGene00000001"),
    ],
)
def test_versions_of_identifiers(name, bare):
    assert is_ensembl(name)
    assert without_version(name) == bare
    assert identifier(name) == bare.upper()
    assert identifier(name.lower()) == bare.upper()


@pytest.mark.parametrize(
    "name", ["AL627309.1", "RP11-206L10.2", "CD3D", "ENST00000300692.8", "ENSG", "H2-K1.2", ""]
)
def test_dots_of_other_names_stay(name):
    assert not is_ensembl(name)
    assert without_version(name) == name
    assert identifier(name) == ""


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


def test_numbers_are_no_names():
    assert are_numbers(pd.Index(["0", "1", "12", "CD3D"]))
    assert not are_numbers(pd.Index(["gene_1", "7SK", "12"]))


@pytest.mark.parametrize("names", [HUMAN, MOUSE, FISH, [*HUMAN, "ENSG00000167286"]])
def test_symbols_are_recognised(names):
    assert are_symbols(names)


@pytest.mark.parametrize(
    "names",
    [
        [f"ENSG{j:011d}" for j in range(20)],
        [f"HGNC:{j}" for j in range(20)],
        [f"NM_{j:06d}.2" for j in range(20)],
        [f"gene_{j:05d}" for j in range(20)],
        [f"Q{j:02d}AK{j % 7}" for j in range(20)],
        ["Gene Expression"] * 20,
        ["protein_coding", "lncRNA"] * 10,
        ["CD3 delta subunit", "membrane spanning 4-domains A1", "lysozyme C"],
        [str(j) for j in range(20)],
        [""] * 20,
    ],
    ids=lambda names: names[1],
)
def test_other_columns_of_var_are_no_symbols(names):
    assert not are_symbols(names)


def test_organism_by_identifiers():
    assert organism(["CD3D", "ENSG00000167286"]) == "human"
    assert organism(["ENSMUSG00000032094.8"] * 2 + ["ENSG00000167286"]) == "mouse"
    assert organism(["ENSOCUG00000000006"]) == "ENSOCUG"
    assert organism(HUMAN) == ""


def test_style_of_symbols():
    assert symbol_style(pd.Index(HUMAN)) == "upper"
    assert symbol_style(pd.Index(MOUSE)) == "title"
    assert symbol_style(pd.Index(HUMAN).str.lower()) == "lower"
    assert symbol_style(pd.Index([*HUMAN, *MOUSE])) == "none"
    assert symbol_style(pd.Index(["1", "ENSG00000167286", ""])) == "none"
    assert symbol_style(pd.Index([f"C{j}orf{j}" for j in range(9)] + ["CD3D"])) == "upper"


def test_two_organisms_by_the_case_of_symbols():
    human, mouse, fish = map(pd.Index, (HUMAN, MOUSE, FISH))
    assert are_other_organisms(human, mouse)
    assert are_other_organisms(mouse, human)
    assert are_other_organisms(fish, human)
    assert are_zebrafish(fish)
    assert not are_other_organisms(fish, fish)
    assert not are_other_organisms(human.str.lower(), human)
    assert not are_other_organisms(mouse.str.lower(), mouse)
    assert not are_other_organisms(mouse.str.upper(), human)
    assert not are_other_organisms(human[:5], human)


def by_case(query, reference):
    query, reference = pd.Index(query), pd.Index(reference)
    place = pd.Index(reference.str.upper()).get_indexer(query.str.upper())
    same = same_but_for_case(query, reference, place)
    return [query[j] for j in np.flatnonzero(same)]


def test_lower_case_is_a_spelling_of_either_organism():
    for names in (HUMAN, MOUSE):
        lower = [name.lower() for name in names]
        assert by_case(lower, names) == lower
        assert by_case(names, lower) == names


def test_human_and_mouse_are_not_the_same_but_for_case():
    assert by_case(MOUSE, HUMAN) == []
    assert by_case(HUMAN, MOUSE) == []
    assert by_case(["CD3D", "MS4A1", "LYZ", "Nkg7"], HUMAN[:4]) == ["CD3D", "MS4A1", "LYZ"]


def test_open_reading_frames_are_repaired():
    assert by_case(["C1ORF112", "CD3D"], ["C1orf112", "MS4A1"]) == ["C1ORF112"]
    assert by_case(["C1orf112", "CXorf21"], ["C1ORF112", "CXORF21", "LYZ"]) == [
        "C1orf112",
        "CXorf21",
    ]


def test_two_organisms_in_one_matrix_give_no_case():
    both = ["CD3D", "MS4A1", "NKG7", "MT-ND1", "C1orf112", "Lyz2", "Actb", "Gm1992", "Aa"]
    assert symbol_style(pd.Index(both)) == "none"
    assert by_case(["mt-Nd1", "Cd3d", "ACTB", "C1ORF112", "CD8A"], both) == ["C1ORF112"]


def test_texts():
    assert texts(pd.Index([1, 2])) == ["1", "2"]
    assert texts(pd.Series(["a", None], dtype="category")) == ["a", ""]
    assert texts(pd.Series(["a", np.nan], dtype=object)) == ["a", ""]
