"""Renamed genes: what an alias table says of two names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import pandas as pd

from cellclass.contract._gene_forms import is_ensembl, texts, without_version
from cellclass.errors import GeneError

if TYPE_CHECKING:
    from cellclass.contract._gene_names import GeneNames

#: An alias table as a caller gives it: old name to current one.
GeneAliases: TypeAlias = Mapping[str, str] | pd.Series | pd.DataFrame


@dataclass(frozen=True)
class AliasTable:
    """Old names of genes beside their current symbols.

    Attributes
    ----------
    rows
        `alias` and `symbol`, one pair each, no gene as an alias of itself.
    doubtful
        The aliases that may mean several genes: those with several symbols, those that are the
        current symbol of another gene, Ensembl identifiers that share their symbol with others,
        and those that the table calls ambiguous.
    reused
        Current symbols that have been the symbol of another gene: in an older file they mean that.
    """

    rows: pd.DataFrame
    doubtful: frozenset[str]
    reused: frozenset[str]

    @classmethod
    def of(cls, table: GeneAliases) -> AliasTable:
        """Read what a caller passes.

        Parameters
        ----------
        table
            A mapping or Series from old to current names, or a data frame with the columns
            `alias` and `symbol` and, if it has them, `ambiguous` (bool) and `kind`, which is
            `"alias"` for names that no annotation has ever used as the symbol.
        """
        frame = _frame_of(table)
        flagged = set()
        if "ambiguous" in frame:
            flagged = set(frame.loc[frame["ambiguous"].astype(bool), "alias"])
        own = frame["alias"] == frame["symbol"]
        rows = frame.loc[~own, ["alias", "symbol"]].drop_duplicates(ignore_index=True)
        current = set(frame["symbol"])
        doubtful = set(rows.loc[rows["alias"].duplicated(), "alias"])
        doubtful |= {alias for alias in rows["alias"] if alias in current}
        # A gene has had several symbols, but only one identifier: two are two genes of one name.
        numbered = rows[[is_ensembl(alias) for alias in rows["alias"]]]
        doubtful |= set(numbered.loc[numbered["symbol"].duplicated(keep=False), "alias"])
        official = frame.loc[~own & (frame["kind"] != "alias"), "alias"]
        return cls(rows, frozenset(doubtful | flagged), frozenset(current & set(official)))

    def claims(
        self, query: GeneNames, reference: GeneNames, wanted: np.ndarray, free: np.ndarray
    ) -> np.ndarray:
        """Find the reference's genes that query genes are another name of.

        Two genes are the same where they share a current symbol, or one's name is that of the
        other: so old names are found by new ones, new ones by old ones, and old ones by other
        old ones.

        Parameters
        ----------
        query, reference
            Names of the genes.
        wanted
            Query genes to look for, bool `(n_query,)`.
        free
            Genes of the reference that no query gene has by its exact name, `(n_reference,)`.

        Returns
        -------
        Place in the reference, `(n_query,)`; -1 for none, -2 where it could be several.
        """
        place = np.full(len(query.names), -1, dtype=np.int64)
        ours = self._meanings(query, np.flatnonzero(wanted))
        theirs = self._meanings(reference, np.arange(len(reference.names)))
        pairs = ours.merge(theirs, on="meaning", suffixes=("_query", "_reference"))
        pairs["doubtful"] = pairs["doubtful_query"] | pairs["doubtful_reference"]
        columns = ["gene_query", "gene_reference", "doubtful"]
        # a pair that is clear by one of its names is clear
        pairs = pairs[columns].sort_values(columns).drop_duplicates(columns[:2])
        open_ = free[pairs["gene_reference"].to_numpy()]
        clear = pairs[~pairs["doubtful"].to_numpy(dtype=bool)]
        single = clear[~clear["gene_query"].duplicated(keep=False)]
        place[pairs["gene_query"].to_numpy()[open_]] = -2
        taken = ~free[single["gene_reference"].to_numpy()]
        place[single["gene_query"]] = np.where(taken, -1, single["gene_reference"])
        return place

    def _meanings(self, genes: GeneNames, which: np.ndarray) -> pd.DataFrame:
        """List what each gene may be: every name that it has, and the symbols those stand for."""
        columns = [genes.names, *genes.ids.values(), *genes.symbols.values()]
        parts = []
        for column in columns:
            names = [without_version(name.strip()) for name in column[which]]
            parts.append(pd.DataFrame({"gene": which, "name": pd.Series(names, dtype=object)}))
        named = pd.concat(parts, ignore_index=True)
        named = named[(named["name"] != "").to_numpy(dtype=bool)]
        through = named.merge(self.rows, left_on="name", right_on="alias")
        through["doubtful"] = np.array([name in self.doubtful for name in through["name"]], bool)
        named["doubtful"] = np.array([name in self.reused for name in named["name"]], bool)
        named["meaning"], through["meaning"] = named["name"], through["symbol"]
        columns = ["gene", "meaning", "doubtful"]
        return pd.concat([named[columns], through[columns]], ignore_index=True)


def check_aliases(table: GeneAliases) -> None:
    """Refuse what is no alias table, whether it will be looked at or not."""
    if isinstance(table, pd.DataFrame):
        if not {"alias", "symbol"} <= set(table.columns):
            raise GeneError(
                f"The alias table has the columns {list(table.columns)}; 'alias' (the old name) "
                "and 'symbol' (the current one) are needed: table.rename(columns={…})."
            )
    elif not isinstance(table, (Mapping, pd.Series)):
        raise TypeError(
            f"The alias table is a {type(table).__name__}; a mapping from old to current names is "
            "needed, or a data frame with the columns 'alias' and 'symbol', such as "
            "cc.datasets.hgnc_symbols()."
        )


def _frame_of(table: GeneAliases) -> pd.DataFrame:
    check_aliases(table)
    if isinstance(table, pd.DataFrame):
        frame = table.reset_index(drop=True)
    else:
        pairs = list(cast("Mapping[str, str]", table).items())
        frame = pd.DataFrame(pairs, columns=["alias", "symbol"])
    names = {
        column: pd.Series([name.strip() for name in texts(frame[column])], dtype=object)
        for column in ("alias", "symbol")
    }
    kind = frame["kind"].astype(str) if "kind" in frame else ""
    frame = frame.assign(**names, kind=kind)
    return frame[((frame["alias"] != "") & (frame["symbol"] != "")).to_numpy(dtype=bool)]
