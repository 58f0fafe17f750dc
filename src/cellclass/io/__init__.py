"""Read, convert and join files.

`read_gene_by_cell`
    A text matrix of genes and cells, to an AnnData in memory.
`convert_gene_by_cell`
    The same to a file, in bounded memory.
"""

from cellclass.io._gene_by_cell import convert_gene_by_cell, read_gene_by_cell

__all__ = ["convert_gene_by_cell", "read_gene_by_cell"]
