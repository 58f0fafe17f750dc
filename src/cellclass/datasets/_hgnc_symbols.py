"""Human gene symbols, old and current, from the HGNC."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cellclass._download import fetch
from cellclass.io._table_file import read_table

if TYPE_CHECKING:
    from os import PathLike

# A dated file of the archive never changes. The HGNC publishes no checksums; this one is the
# checksum under which several public projects keep the same file.
_FOLDER = "https://storage.googleapis.com/public-download-files/hgnc/archive/archive/monthly/tsv"
_FILE = "hgnc_complete_set_2026-10-02.txt"
_SHA256 = "2b4224ea847df2fc6982f5b2a52804c5d92fbb8810b134afb636f6029452dc03"
_N_BYTES = 16_963_116

_KINDS = {
    "previous": "prev_symbol",
    "alias": "alias_symbol",
    "ensembl": "ensembl_gene_id",
}


def hgnc_symbols(path: str | PathLike[str] | None = None) -> pd.DataFrame:
    r"""Read the old and the current symbols of human genes: an alias table.

    Pass it as `gene_aliases` to :func:`cellclass.tl.annotate` or
    :func:`cellclass.pp.align_genes`, so that a query with other symbols than the reference, or
    with Ensembl identifiers in place of symbols, is understood.

    The table is the complete set of the HUGO Gene Nomenclature Committee (HGNC) [1]_ of 2 October
    2026, with about 45,000 genes; 17 MB are downloaded once, verified, and kept in the folder
    that the environment variable `CELLCLASS_DATA_DIR` names, or the system's cache. The HGNC's
    data are in the public domain (CC0).

    For other organisms, or to know what has changed between two annotations of your own, no
    download is needed: any mapping from old to current names will do, such as
    ``dict(zip(old_names, new_names))``, or a data frame with the first two columns below.

    Parameters
    ----------
    path
        A complete set that is there already, in the HGNC's tab-separated layout: columns
        `symbol`, `prev_symbol`, `alias_symbol` and `ensembl_gene_id`, several values of one cell
        separated by ``|``; plain or compressed.

    Returns
    -------
    Data frame with a row for each further name of a gene:

    alias : str
        The other name.
    symbol : str
        The approved symbol.
    kind : category
        ``"previous"``: was the approved symbol; ``"alias"``: is also used; ``"ensembl"``: the
        Ensembl identifier.
    ambiguous : bool
        Whether the name may mean another gene as well: it stands with several symbols, or is the
        approved symbol of another gene. Such names are never matched.

    Raises
    ------
    DownloadError
        The file cannot be downloaded; nothing incomplete is kept.
    FileFormatError
        The file cannot be read as a table.
    ValueError
        It lacks a column, or holds no genes.

    References
    ----------
    .. [1] R. L. Seal et al., Genenames.org: the HGNC resources in 2023, Nucleic Acids Research 51,
       2023, doi:10.1093/nar/gkac888

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import cellclass as cc
    >>> text = '''symbol\tprev_symbol\talias_symbol\tensembl_gene_id
    ... MARCHF1\tMARCH1\t"RNF171|MARCH-I"\tENSG00000145416
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "genes.txt"
    ...     _ = path.write_text(text)
    ...     table = cc.datasets.hgnc_symbols(path)
    >>> table[["alias", "symbol", "kind"]].values.tolist()
    [['MARCH1', 'MARCHF1', 'previous'], ['RNF171', 'MARCHF1', 'alias'],
     ['MARCH-I', 'MARCHF1', 'alias'], ['ENSG00000145416', 'MARCHF1', 'ensembl']]
    """
    if path is None:
        path = fetch(f"{_FOLDER}/{_FILE}", sha256=_SHA256, file_name=_FILE, n_bytes=_N_BYTES)
    path = Path(path)
    wanted = ["symbol", *_KINDS.values()]
    found = read_table(path, sep="\t", nrows=0).columns
    absent = [column for column in wanted if column not in found]
    if absent:
        raise ValueError(
            f"{path} has no column {absent[0]!r}; it has {', '.join(map(repr, found[:6]))}, …. The "
            "tab-separated complete set of the HGNC is needed: https://www.genenames.org/download. "
            "A table of another layout can be passed as gene_aliases itself, with the columns "
            "'alias' and 'symbol'."
        )
    # a gene may be called NA
    genes = read_table(path, sep="\t", usecols=wanted, dtype=str, keep_default_na=False)
    genes["symbol"] = genes["symbol"].str.strip()
    genes = genes[genes["symbol"] != ""]
    if genes.empty:
        raise ValueError(f"{path} holds no genes. Download it again.")
    return _tidy(genes)


def _tidy(genes: pd.DataFrame) -> pd.DataFrame:
    """Give each further name a row of its own, and mark those that may mean several genes."""
    parts = []
    for kind, column in _KINDS.items():
        names = genes["symbol"].to_frame().assign(alias=genes[column].str.split("|"))
        names = names.explode("alias").assign(kind=kind)
        names["alias"] = names["alias"].str.strip()
        parts.append(names)
    table = pd.concat(parts, ignore_index=True)
    table = table[(table["alias"] != "") & (table["alias"] != table["symbol"])]
    table = table.drop_duplicates(["alias", "symbol"], ignore_index=True)
    several = table["alias"].duplicated(keep=False)
    approved = table["alias"].isin(genes["symbol"])
    table["kind"] = pd.Categorical(table["kind"], categories=list(_KINDS))
    table["ambiguous"] = several | approved
    return table[["alias", "symbol", "kind", "ambiguous"]]
