import pytest

from cellclass.io._gene_names import gene_frame

IDS = [f"ENSG{i:011d}.{i}" for i in range(20)]
SYMBOLS = [f"SYM{i}" for i in range(20)]


@pytest.mark.parametrize("ids", [IDS, [str(i) for i in range(20)]])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("separator", ["|", "_"])
def test_identifiers_are_split_off_on_either_side(ids, first, separator):
    pairs = zip(ids, SYMBOLS, strict=True)
    names = [separator.join(pair if first else pair[::-1]) for pair in pairs]
    var = gene_frame(names, separator)
    assert var.index.tolist() == SYMBOLS
    assert var["gene_ids"].tolist() == ids


@pytest.mark.parametrize(
    "names",
    [
        SYMBOLS,
        ["Xkr4|chr1", "Sox17|chr1", "Rp1|chr1"],
        ["1|2", "3|4"],
        [f"{name}|{name}" for name in IDS],
        [*SYMBOLS, "ENSG00000000000|A"],
        ["ENSG00000000000|A|B"],
    ],
)
def test_names_stay_where_no_side_is_known_as_the_identifier(names):
    var = gene_frame(names, "|")
    assert var.index.tolist() == names
    assert var.columns.empty


def test_no_separator():
    assert gene_frame([f"{name}|A" for name in IDS], None).columns.empty


def test_genes_without_a_name_of_their_own_go_by_their_identifier():
    names = [*map("|".join, zip(IDS, SYMBOLS, strict=True))]
    names[3], names[4], names[5] = IDS[3] + "|", IDS[4] + "|SYM0", "MT-ND1"
    var = gene_frame(names, "|")
    assert var.index.tolist() == [IDS[0], *SYMBOLS[1:3], IDS[3], IDS[4], "MT-ND1", *SYMBOLS[6:]]
    assert var["gene_ids"].tolist() == [*IDS[:5], "MT-ND1", *IDS[6:]]


def test_names_stay_where_identifiers_repeat_and_are_needed():
    names = ["ENSG00000000001|A", "ENSG00000000001|B", "ENSG00000000002|C"]
    assert gene_frame(names, "|").index.tolist() == ["A", "B", "C"]
    names = ["ENSG00000000001|A", "ENSG00000000001|", "ENSG00000000002|A"]
    assert gene_frame(names, "|").index.tolist() == names
