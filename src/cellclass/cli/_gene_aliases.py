"""An alias table, as it is given to the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cellclass.datasets import hgnc_symbols
from cellclass.io._table_file import read_table

if TYPE_CHECKING:
    from cellclass.contract import GeneAliases

_HGNC = "hgnc"


def read_gene_aliases(asked: str | None) -> GeneAliases | None:
    """Read old and current names of genes: a table, or that of the HGNC.

    Raises
    ------
    ValueError
        There is no such file, or it is not a table with these columns.
    """
    if asked is None:
        return None
    if asked == _HGNC:
        return hgnc_symbols()
    if not Path(asked).is_file():
        raise ValueError(
            f"gene_aliases={asked!r} is neither a file nor {_HGNC}, which stands for the table "
            "of the HGNC."
        )
    how = {"sep": None, "engine": "python", "dtype": str, "keep_default_na": False}
    table = read_table(Path(asked), **how)
    if not {"alias", "symbol"} <= set(table.columns):
        raise ValueError(
            f"gene_aliases={asked!r} has the columns {', '.join(map(repr, table.columns))}; alias "
            "and symbol are needed."
        )
    return table[["alias", "symbol"]]
