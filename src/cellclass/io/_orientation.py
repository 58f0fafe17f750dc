"""Tell from names which side of a table holds the genes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    Orientation = Literal["genes_by_cells", "cells_by_genes"]

GENES, CELLS = "genes", "cells"

STABLE_ID = re.compile(
    r"ENS[A-Z]{0,6}[GT]\d{6,}(\.\d+)?(_PAR_Y)?|FBgn\d{7}|WBGene\d{8}|[NX][MR]_\d+(\.\d+)?"
    r"|MGI:\d+|HGNC:\d+|AT[1-5MC]G\d{5}"
)
COMMON_GENE = re.compile(
    r"RP[LS]\d+[ALXY]?|MT-(ND\d[L]?|CO\d|ATP\d|CYB)|HLA-(A|B|C|DRA|DRB1)|ACTB|GAPDH|B2M|MALAT1"
    r"|EEF1A1|TUBA1[ABC]|VIM|FTL1?|FTH1|PTPRC|CD(2|4|14|19|44|79A|3E|8A|74)|MS4A1|LYZ2?|NKG7"
    r"|GFAP|GAD[12]|SLC17A[67]|SST|VIP|PVALB|SOX[0-9]+|PAX6|MKI67|TOP2A|EPCAM|COL1A[12]|APOE",
    re.IGNORECASE,
)
BARCODE = re.compile(r"(?<![A-Za-z])[ACGTN]{8,}(?![A-Za-z])")
CELL_WORD = re.compile(r"cell|nucle(i|us)|barcode|spot|sample|plate|well|[SED]RR\d|GSM\d", re.I)
GENE_WORD = re.compile(r"gene", re.IGNORECASE)
SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9]*([.-][A-Za-z0-9]+)*|\d{7}[A-Z]\d{2}Rik")

GENE_CORNERS = {
    *("gene", "geneid", "geneids", "genename", "genenames", "genes", "genesymbol", "symbol"),
    *("ensembl", "ensemblid", "ensemblgeneid", "hgncsymbol", "geneshortname", "symbols"),
}
CELL_CORNERS = {
    *("cell", "cellid", "cellids", "cellname", "cellnames", "cells", "cellbarcode"),
    *("barcode", "barcodes", "obsnames", "sample", "sampleid", "samples"),
}


class Verdict(NamedTuple):
    """Which side holds the genes, and what it was told from."""

    orientation: Orientation
    reason: str


def find_orientation(
    rows: Sequence[str], columns: Sequence[str], corner: str | None, separator: str | None
) -> Verdict | str:
    """Tell whether rows are genes or cells, or say why it cannot be told.

    Each of these is a piece of evidence, and all there is must agree: half of the names are stable
    identifiers of genes, or two of them are genes that nearly every table has; half of the names
    hold a barcode of at least eight bases; four in five hold a word such as "cell"; the corner
    names what the rows are. Without any, names that are shaped like symbols and mostly differ in
    their letters, against names that differ in their digits only, are genes against cells. The
    numbers of rows and columns are no evidence.
    """
    parts = [_parts(names, separator) for names in (rows, columns)]
    said: list[tuple[str, str]] = []
    for where, names in zip(("rows", "columns"), parts, strict=True):
        other = {GENES: CELLS, CELLS: GENES} if where == "columns" else {}
        said += [
            (other.get(side, side), f"names of {where} {why}") for side, why in _evidence(names)
        ]
    word = re.sub(r"[\W_]", "", corner or "").lower()
    if word in GENE_CORNERS | CELL_CORNERS:
        side = GENES if word in GENE_CORNERS else CELLS
        said.append((side, f"the corner of the table says {corner!r}"))
    if not said:
        shapes = [_shape(names) for names in parts]
        if set(shapes) == {GENES, CELLS}:
            where = "rows" if shapes[0] == GENES else "columns"
            said.append((shapes[0] or "", f"names of {where} are shaped like symbols of genes"))
    reasons = "; ".join(dict.fromkeys(why for _, why in said))
    if len({side for side, _ in said}) == 1:
        return Verdict("genes_by_cells" if said[0][0] == GENES else "cells_by_genes", reasons)
    return f"the evidence disagrees: {reasons}" if said else "no name is known as one or the other"


def _parts(names: Sequence[str], separator: str | None) -> list[tuple[str, ...]]:
    """Split names such as `ENSG…|SYMBOL`."""
    if not separator:
        return [(name,) for name in names]
    return [tuple(name.split(separator)) for name in names]


def _evidence(names: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """List what the names of one side say about it."""
    said = []

    def share(pattern: re.Pattern[str], *, inside: bool) -> float:
        match = pattern.search if inside else pattern.fullmatch
        return sum(any(map(match, parts)) for parts in names) / max(1, len(names))

    if share(STABLE_ID, inside=False) >= 0.5:
        said.append((GENES, "are identifiers of genes"))
    elif share(COMMON_GENE, inside=False) * len(names) >= 2:
        found = next(p for parts in names for p in parts if COMMON_GENE.fullmatch(p))
        said.append((GENES, f"include genes such as {found!r}"))
    elif share(GENE_WORD, inside=True) >= 0.8:
        said.append((GENES, f"are like {'|'.join(names[0])!r}"))
    if share(BARCODE, inside=True) >= 0.5:
        said.append((CELLS, "hold barcodes"))
    elif share(CELL_WORD, inside=True) >= 0.8:
        said.append((CELLS, f"are like {'|'.join(names[0])!r}"))
    return said


def _shape(names: list[tuple[str, ...]]) -> str | None:
    """Tell symbols from names that are numbered; not from few names."""
    if len(names) < 10:
        return None
    stems = {re.sub(r"\d+", "0", "|".join(parts)) for parts in names}
    symbols = sum(any(map(SYMBOL.fullmatch, parts)) for parts in names)
    if symbols >= 0.9 * len(names) and len(stems) >= 0.5 * len(names):
        return GENES
    return CELLS if len(stems) <= 0.1 * len(names) else None
