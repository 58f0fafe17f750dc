"""Each rule finds what it should, what two genes could be is left, and no gene becomes another."""

import time
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract._gene_lookup import OUTCOMES, look_up_genes
from cellclass.contract._gene_names import GeneNames, gene_names_of

SYMBOLS = ["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB"]
IDS = [f"ENSG{j:011d}" for j in (167286, 156738, 105374, 90382, 75624)]


def names(index, ids=None, symbols=None):
    def columns(values):
        return {} if values is None else {"column": pd.Index(values, dtype=object)}

    return GeneNames(pd.Index(index, dtype=object), columns(ids), columns(symbols))


def found(query, reference, aliases=None):
    """Return for each query gene its name in the reference, and the rule."""
    query = query if isinstance(query, GeneNames) else names(query)
    reference = reference if isinstance(reference, GeneNames) else names(reference)
    lookup = look_up_genes(query, reference, aliases)
    used = lookup.place[lookup.place >= 0]
    assert len(set(used)) == len(used)
    assert sorted([*used, *lookup.missing]) == list(range(len(reference.names)))
    assert ((lookup.place >= 0) == (lookup.outcome < OUTCOMES.index("ambiguous"))).all()
    return [
        (reference.names[place] if place >= 0 else None, OUTCOMES[outcome])
        for place, outcome in zip(lookup.place, lookup.outcome, strict=True)
    ]


@pytest.mark.parametrize(
    ("query", "reference", "rule"),
    [
        ("LYZ", "LYZ", "exact"),
        ("LYZ ", "LYZ", "spaces"),
        ("LYZ", "\tLYZ", "spaces"),
        (IDS[0] + ".9", IDS[0], "version"),
        (IDS[0], IDS[0] + ".11", "version"),
        (IDS[0] + ".9", IDS[0] + ".11", "version"),
        (IDS[0] + ".9_PAR_Y", IDS[0] + "_PAR_Y", "version"),
        (IDS[0].lower(), IDS[0], "case"),
        ("lyz", "LYZ", "case"),
        ("LYZ", "lyz", "case"),
        ("C1ORF112", "C1orf112", "case"),
        ("12", "12", "exact"),
    ],
)
def test_rules_on_names(query, reference, rule):
    assert found([query], [reference, "NKG7"]) == [(reference, rule)]


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        ("AL627309.1", "AL627309"),
        ("AL627309.1", "AL627309.2"),
        (IDS[0] + ".9_PAR_Y", IDS[0]),
        ("Lyz", "LYZ"),
        ("LYZ", "Lyz"),
        ("LYZ-1", "LYZ"),
        ("LYZ.1", "LYZ"),
        ("12", "012"),
    ],
)
def test_other_genes_are_extra(query, reference):
    assert found([query], [reference, "12A"]) == [(None, "extra")]


SYMBOL_KEYED = names(SYMBOLS)
ID_KEYED = names(IDS)
BOTH = names(SYMBOLS, ids=IDS)
BOTH_BY_ID = names(IDS, symbols=SYMBOLS)


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        (BOTH_BY_ID, SYMBOL_KEYED),
        (ID_KEYED, BOTH),
        (BOTH, ID_KEYED),
        (SYMBOL_KEYED, BOTH_BY_ID),
        (BOTH_BY_ID, BOTH),
        (BOTH, BOTH_BY_ID),
        (names([f"{name}.3" for name in IDS]), BOTH),
        (BOTH, names([f"{name}.3" for name in IDS])),
        (names(list("01234"), ids=IDS), BOTH),
        (names(list("01234"), symbols=SYMBOLS), SYMBOL_KEYED),
        (names([f"old{j}" for j in range(5)], ids=IDS), BOTH),
    ],
)
def test_columns_of_either_side(query, reference):
    assert found(query, reference) == [(name, "column") for name in reference.names]


ALIASES = {"MARCH1": "MARCHF1", "OLD1": "LYZ", "OLD2": "LYZ"}


@pytest.mark.parametrize(
    ("query", "reference"),
    [("MARCH1", "MARCHF1"), ("MARCHF1", "MARCH1"), ("OLD1", "OLD2"), (" MARCH1", "MARCHF1")],
)
def test_aliases_in_every_direction(query, reference):
    assert found([query], [reference, "NKG7"], ALIASES) == [(reference, "alias")]


def test_a_symbol_that_is_an_informal_name_of_another_gene():
    rows = [(IDS[0], "CD4", "ensembl"), ("CD4", "MCAT", "alias"), ("T4", "CD4", "alias")]
    table = pd.DataFrame(rows, columns=["alias", "symbol", "kind"])
    assert found(IDS[:1], ["CD4", "MCAT"], table) == [("CD4", "alias")]
    assert found(["CD4"], ["MCAT"], table) == [(None, "ambiguous")]
    # once a symbol itself, it could mean either gene in an old file
    table["kind"] = "previous"
    assert found(IDS[:1], ["CD4", "MCAT"], table) == [(None, "ambiguous")]


def test_identifiers_by_the_alias_table():
    table = pd.DataFrame({"alias": IDS, "symbol": SYMBOLS})
    assert found(IDS, SYMBOLS, table) == [(name, "alias") for name in SYMBOLS]
    assert found(SYMBOLS, IDS, table) == [(name, "alias") for name in IDS]
    versions = [f"{name}.1" for name in IDS]
    assert found(versions, SYMBOLS, table) == [(name, "alias") for name in SYMBOLS]


@pytest.mark.parametrize(
    ("query", "reference", "aliases"),
    [
        (["lyz", "LYz", "CD3D", "NKG7", "ACTB"], ["LYZ"], None),
        ([IDS[0] + ".1", IDS[0] + ".2"], [IDS[0]], None),
        ([IDS[0] + ".1"], [IDS[0] + ".2", IDS[0] + ".3"], None),
        (["LYZ ", " LYZ"], ["LYZ"], None),
        (["OLD1", "OLD2"], ["LYZ"], ALIASES),
        (["OLD"], ["A", "B"], pd.DataFrame({"alias": ["OLD"] * 2, "symbol": ["A", "B"]})),
        (["OLD"], ["A"], pd.DataFrame({"alias": ["OLD"] * 2, "symbol": ["A", "B"]})),
        (["A"], ["OLD"], pd.DataFrame({"alias": ["OLD"] * 2, "symbol": ["A", "B"]})),
        (["B"], ["C"], {"A": "B", "B": "C"}),
        (["OLD"], ["A"], pd.DataFrame({"alias": ["OLD"], "symbol": ["A"], "ambiguous": [True]})),
        ([IDS[0]], ["A"], {IDS[0]: "A", IDS[1]: "A"}),
        (names(IDS[:2], symbols=["LYZ", "LYZ"]), ["LYZ"], None),
        (names(["X"], ids=IDS[:1]), names(["A", "B"], ids=[IDS[0]] * 2), None),
    ],
)
def test_what_could_be_two_genes_is_not_guessed(query, reference, aliases):
    result = found(query, reference, aliases)
    assert {name for name, _ in result} == {None}
    assert result[0] == (None, "ambiguous")


def test_a_mouse_gene_does_not_unsettle_a_spelling():
    result = found(["lyz", "Lyz", "CD3D", "NKG7", "ACTB"], ["LYZ"])
    assert result[:2] == [("LYZ", "case"), (None, "extra")]


@pytest.mark.parametrize(
    ("query", "aliases"),
    [
        (["lyz", "LYZ", "LYZ "], None),
        ([" LYZ", "LYZ", "lyz"], None),
        (["OLD1", "LYZ", "OLD2"], ALIASES),
    ],
)
def test_an_exact_name_settles(query, aliases):
    extra = (None, "extra")
    assert found(query, ["NKG7", "LYZ"], aliases) == [extra, ("LYZ", "exact"), extra]


def test_the_more_trusted_rule_wins():
    query = names(["LYZ ", "lyz", "X", "OLD1"], ids=["", "", IDS[3], ""])
    result = found(query, names(["NKG7", "LYZ"], ids=[IDS[2], IDS[3]]), ALIASES)
    # the first speaks for another gene than the third, by the identifiers that both know
    assert result[0] == ("LYZ", "spaces")
    assert [rule for _, rule in result[1:]] == ["ambiguous"] * 3


def test_identifiers_refute_names():
    """In two annotations, TMSB15B is the symbol of two different genes."""
    one, other = "ENSG00000269226", "ENSG00000158427"
    query = names(["TMSB15B", "TMSB15B-1"], ids=[one, other])
    reference = names(["TMSB15B", "TMSB15C"], ids=[other, one])
    assert found(query, reference) == [(None, "ambiguous"), ("TMSB15B", "column")]
    # the identifier of the reference's gene is that of another query gene
    query = names(["GGT1", "GGT1-1"], ids=["ENSG00000286070", "ENSG00000100031"])
    reference = names(["GGT1", "LYZ"], ids=["ENSG00000100031", IDS[3]])
    assert found(query, reference) == [(None, "ambiguous"), ("GGT1", "column")]


def test_a_new_identifier_does_not_refute_a_name():
    query = names(["SOD2", "LYZ"], ids=["ENSG00000112096", IDS[3]])
    reference = names(["LYZ", "SOD2"], ids=[IDS[3], "ENSG00000291237"])
    assert found(query, reference) == [("SOD2", "exact"), ("LYZ", "exact")]


def test_columns_that_disagree_are_not_guessed():
    query = GeneNames(
        pd.Index(IDS[:2]),
        symbols={"one": pd.Index(["LYZ", "NKG7"]), "other": pd.Index(["LYZ", "ACTB"])},
    )
    assert found(query, SYMBOLS) == [("LYZ", "column"), (None, "ambiguous")]


def test_old_symbols_in_a_column_are_looked_up_as_well():
    query = names(IDS[:2], symbols=["MARCH1", "LYZ"])
    assert found(query, ["LYZ", "MARCHF1"], ALIASES) == [("MARCHF1", "alias"), ("LYZ", "column")]


def spellings(symbol, number, way):
    return {
        "symbol": symbol,
        "spaces": f" {symbol} ",
        "lower": symbol.lower(),
        "id": number,
        "version": f"{number}.{len(symbol)}",
        "old": f"OLD-{symbol}",
    }[way]


@st.composite
def files(draw):
    """Two files of genes whose names are spelled in any way, and who they truly are."""
    n = 12
    symbols = [f"{head}{'ABCDEFGHIJKL'[j]}{j}X" for j, head in enumerate("KRSTVWKRSTVW")]
    numbers = [f"ENSG{j:011d}" for j in range(1, n + 1)]
    ways = ["symbol", "spaces", "lower", "id", "version", "old"]
    made = []
    for _ in range(2):
        genes = draw(st.permutations(range(n)))[: draw(st.integers(1, n))]
        main = draw(st.sampled_from(ways))
        spelled = [main if draw(st.integers(0, 4)) else draw(st.sampled_from(ways)) for _ in genes]
        index = [
            spellings(symbols[g], numbers[g], way) for g, way in zip(genes, spelled, strict=True)
        ]
        columns = {}
        for name, values, likely in (("a", numbers, 2), ("b", symbols, 2)):
            if draw(st.integers(0, 3)) < likely:
                blank = draw(st.sets(st.integers(0, n - 1), max_size=3))
                columns[name] = ["" if g in blank else values[g] for g in genes]
        made.append((genes, pd.DataFrame(columns, index=pd.Index(index, dtype=object))))
    table = {f"OLD-{symbol}": symbol for symbol in symbols}
    table |= dict(zip(numbers, symbols, strict=True)) if draw(st.booleans()) else {}
    return made, draw(st.sampled_from([None, table]))


class Cells:
    """What `gene_names_of` looks at."""

    def __init__(self, var):
        self.var, self.var_names, self.n_vars = var, var.index, len(var)


@given(files())
def test_no_gene_becomes_another(made):
    (query, reference), aliases = made
    lookup = look_up_genes(
        gene_names_of(Cells(query[1])), gene_names_of(Cells(reference[1])), aliases
    )
    for gene, place in zip(query[0], lookup.place, strict=True):
        assert place < 0 or reference[0][place] == gene
    same = set(query[1].index) & set(reference[1].index)
    for name in same:
        assert lookup.outcome[query[1].index.get_loc(name)] == OUTCOMES.index("exact")
    # every gene has one name only, so that nothing can be in doubt
    assert (lookup.outcome != OUTCOMES.index("ambiguous")).all()


@given(files(), st.randoms(use_true_random=False))
def test_the_order_of_genes_does_not_matter(made, random):
    (query, reference), aliases = made

    def outcome(first, second):
        one, other = gene_names_of(Cells(first)), gene_names_of(Cells(second))
        lookup = look_up_genes(one, other, aliases)
        matched = [other.names[p] if p >= 0 else None for p in lookup.place]
        return dict(zip(first.index, zip(matched, lookup.outcome, strict=True), strict=True))

    shuffled = []
    for _, var in (query, reference):
        order = list(range(len(var)))
        random.shuffle(order)
        shuffled.append(var.iloc[order])
    assert outcome(*shuffled) == outcome(query[1], reference[1])


@pytest.mark.parametrize("years", [(2020, 2024), (2024, 2020)])
@pytest.mark.parametrize("with_ids", [False, True])
def test_symbols_that_differ_between_two_annotations(real_data, years, with_ids):
    table = pd.read_csv(real_data / "gene_names_human_2020_2024.csv.gz")
    symbols = {year: table[f"{year}_Gene_Name"] for year in years}
    differ = symbols[2020].notna() & symbols[2024].notna() & (symbols[2020] != symbols[2024])
    aliases = pd.DataFrame({"alias": symbols[2020][differ], "symbol": symbols[2024][differ]})
    rows = {year: np.flatnonzero(symbols[year].notna()) for year in years}

    def of_year(year):
        index = ad.utils.make_index_unique(pd.Index(symbols[year].to_numpy()[rows[year]]))
        return names(
            index, ids=table["Gene_Ensembl_ID"].to_numpy()[rows[year]] if with_ids else None
        )

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Suffix used")
        query, reference = map(of_year, years)
    lookup = look_up_genes(query, reference, aliases)
    matched = np.full(len(table), -1)
    matched[rows[years[0]]] = np.append(rows[years[1]], -1)[lookup.place]
    right = (matched == np.arange(len(table)))[differ]
    assert differ.sum() == 1880
    # a symbol that two genes share in one of the annotations is a name of neither
    owners = pd.concat(
        [pd.DataFrame({"id": table["Gene_Ensembl_ID"], "symbol": symbols[y]}) for y in years]
    )
    owners = owners.dropna().drop_duplicates()["symbol"]
    shared = set(owners[owners.duplicated()])
    single = ~(aliases["alias"].isin(shared) | aliases["symbol"].isin(shared)).to_numpy()
    assert single.mean() > 0.98
    assert right[single].all()
    assert right.mean() > (0.995 if with_ids else 0.985)
    if with_ids:  # then nothing that is matched is another gene that either side knows
        other = (matched >= 0) & (matched != np.arange(len(table)))
        assert not (other & table.index.isin(rows[years[1]])).any()


def test_a_whole_transcriptome_is_matched_at_once():
    rng = np.random.default_rng(0)
    symbols = pd.Index([f"G{j}{'ABC'[j % 3]}" for j in range(36_601)], dtype=object)
    ids = pd.Index([f"ENSG{j:011d}" for j in range(36_601)], dtype=object)
    order = rng.permutation(36_601)
    seconds = []
    for _ in range(3):
        query = GeneNames(symbols[order], {"gene_ids": ids[order]})
        reference = GeneNames(symbols, {"gene_ids": ids})
        start = time.process_time()
        lookup = look_up_genes(query, reference)
        seconds.append(time.process_time() - start)
    assert lookup.place.tolist() == order.tolist()
    assert min(seconds) < 1  # about 0.1 on an idle machine


def test_aliases_are_checked_even_where_they_are_not_needed():
    names = gene_names_of(ad.AnnData(var=pd.DataFrame(index=["CD3D", "LYZ"])))
    with pytest.raises(TypeError, match="The alias table is a str"):
        look_up_genes(names, names, aliases="hgnc")
