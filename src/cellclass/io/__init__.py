"""Read, convert and join files.

`read_gene_by_cell`
    A text matrix of genes and cells, to an AnnData in memory.
`convert_gene_by_cell`
    The same to a file, in bounded memory.
`read_ucsc_cell_browser`
    A dataset of the UCSC Cell Browser, by its name.
`concat_references`
    Any number of labelled references, one below the other, in memory or in a file.
"""

from cellclass.io._concat_references import concat_references
from cellclass.io._gene_by_cell import convert_gene_by_cell, read_gene_by_cell
from cellclass.io._ucsc_cell_browser import read_ucsc_cell_browser

__all__ = [
    "concat_references",
    "convert_gene_by_cell",
    "read_gene_by_cell",
    "read_ucsc_cell_browser",
]
