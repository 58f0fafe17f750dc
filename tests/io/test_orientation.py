import numpy as np
import pytest

from cellclass.io._orientation import Verdict, find_orientation

RNG = np.random.default_rng(0)
ENSEMBL = [f"ENSMUSG{i:011d}" for i in range(30)]
BOTH = [f"ENSG{i:011d}|SYM{i}" for i in range(30)]
COMMON = [
    "Xkr4",
    "Sox17",
    "Rpl7",
    "Gm123",
    "Actb",
    "4930455B14Rik",
    *(f"Abc{i}" for i in range(20)),
]
ALPHABETIC = ["A1BG", "A1CF", "A2M", "A4GALT", "AAAS", "AACS", "AADAC", "AAED1", "AAGAB", "AAK1"]
BARCODES = ["".join(RNG.choice(list("ACGT"), 16)) + "-1" for _ in range(30)]
PREFIXED = [f"sampleA_{name}" for name in BARCODES]
CELLS = [f"cell{i}" for i in range(30)]
RUNS = [f"SRR{1000 + i}" for i in range(30)]
WELLS = [f"{letter}{i:02d}" for letter in "ABC" for i in range(1, 13)]
NUMBERS = [str(i) for i in range(30)]
GENE_WORDS = [f"Gene{i}" for i in range(30)]
LOC = [f"LOC_Os01g{i:05d}" for i in range(30)]
PEOPLE = ["Ada", "Bob", "Cy", "Dot", "Eve", "Fay", "Gil", "Hal", "Ida", "Jo"]
PLAIN = [f"D{i}" for i in range(30)]


@pytest.mark.parametrize(
    ("genes", "cells"),
    [
        *((genes, BARCODES) for genes in (ENSEMBL, BOTH, COMMON, ALPHABETIC, GENE_WORDS, LOC)),
        *((COMMON, cells) for cells in (PREFIXED, CELLS, RUNS, WELLS, NUMBERS, PLAIN)),
        (ENSEMBL, NUMBERS),
        (ALPHABETIC, PLAIN),
        (LOC, CELLS),
        (NUMBERS, BARCODES),
    ],
)
def test_both_ways_round(genes, cells):
    for separator in ("|", None):
        found = find_orientation(genes, cells, None, separator)
        assert isinstance(found, Verdict)
        assert found.orientation == "genes_by_cells"
        assert found.reason
        turned = find_orientation(cells, genes, "", separator)
        assert isinstance(turned, Verdict)
        assert turned.orientation == "cells_by_genes"


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(PLAIN, NUMBERS), (WELLS, LOC), (ALPHABETIC[:5], PLAIN), (ALPHABETIC, PEOPLE)],
)
def test_never_a_guess(rows, columns):
    for names in ((rows, columns), (columns, rows)):
        assert isinstance(find_orientation(*names, None, "|"), str)


@pytest.mark.parametrize(
    ("corner", "orientation"),
    [("gene", "genes_by_cells"), ("Gene_ID", "genes_by_cells"), ("cell.id", "cells_by_genes")],
)
def test_the_corner(corner, orientation):
    found = find_orientation(PLAIN, NUMBERS, corner, "|")
    assert isinstance(found, Verdict)
    assert (found.orientation, repr(corner) in found.reason) == (orientation, True)


def test_evidence_that_disagrees():
    found = find_orientation(COMMON, ENSEMBL, None, "|")
    assert isinstance(found, str)
    assert "disagrees" in found
    assert "names of rows" in found
    assert "names of columns" in found
    assert isinstance(find_orientation(COMMON, CELLS, "cell", "|"), str)
