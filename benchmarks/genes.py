"""Genes under other names: renamed between annotations, by Ensembl identifier, misspelled.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/genes.py

First table: symbols that differ between two annotations of the human genome (10x Genomics 2020-A
and 2024-A), looked up in each by those of the other. A symbol that several genes share names none
of them; those are counted apart. "Wrong" counts matches of two different genes, by their Ensembl
identifiers; so may equal symbols be, where one has been given to another gene.

Second table: one model on four fifths of the cells, and the last fifth under other names: accuracy
(per cent), and labels that differ. Ensembl identifiers are those of the annotation of 2020; genes
without one, whose names are older, are left out of the query (but for the first row).

Third table: processor seconds to match 36,601 genes with 36,601, in another order.
"""

from __future__ import annotations

import time
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from _data import folder, folds, read

import cellclass as cc
from cellclass.contract import OUTCOMES, gene_names_of, look_up_genes


def annotations() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ensembl identifiers and symbols in either annotation, for genes that have a symbol."""
    table = pd.read_csv(folder() / "gene_names_human_2020_2024.csv.gz")
    return tuple(
        table[["Gene_Ensembl_ID", f"{year}_Gene_Name"]]
        .dropna()
        .set_axis(["id", "symbol"], axis=1)
        .reset_index(drop=True)
        for year in (2020, 2024)
    )


def genes_only(annotation: pd.DataFrame, *, ids: bool) -> ad.AnnData:
    """Make an AnnData of one cell with the genes of an annotation, as 10x files hold them."""
    names = ad.utils.make_index_unique(pd.Index(annotation["symbol"].tolist()))
    var = pd.DataFrame({"gene_ids": annotation["id"].tolist()} if ids else {}, index=names)
    return ad.AnnData(sp.csr_matrix((1, len(var)), dtype=np.float32), var=var)


def renamed() -> None:
    old, new = annotations()
    both = old.merge(new, on="id", suffixes=("_old", "_new"))
    differ = both[both["symbol_old"] != both["symbol_new"]]
    aliases = differ[["symbol_old", "symbol_new"]].set_axis(["alias", "symbol"], axis=1)
    # what is a symbol of two genes in either annotation, or of one in each
    owners = pd.concat([old, new]).drop_duplicates().groupby("symbol")["id"].nunique()
    shared = set(owners.index[owners > 1])
    single = ~differ["symbol_old"].isin(shared) & ~differ["symbol_new"].isin(shared)
    head = (
        "query → reference | names by | symbols that differ | matched | wrong | ambiguous | extra"
    )
    print(
        f"| {head} | of one gene | matched | equal symbols | wrong |", "|---" * 11 + "|", sep="\n"
    )
    arms = {
        "symbols": (False, None),
        "symbols, alias table": (False, aliases),
        "symbols and gene_ids": (True, None),
        "symbols and gene_ids, alias table": (True, aliases),
    }
    for direction, (one, other) in {"2020 → 2024": (old, new), "2024 → 2020": (new, old)}.items():
        for arm, (ids, table) in arms.items():
            query, reference = genes_only(one, ids=ids), genes_only(other, ids=ids)
            lookup = look_up_genes(gene_names_of(query), gene_names_of(reference), table)
            to = other["id"].reindex(lookup.place).to_numpy()
            # a gene with a new identifier is not another gene
            known = one["id"].isin(other["id"]) | pd.Series(to).isin(one["id"])
            wrong = (lookup.place >= 0) & (to != one["id"].to_numpy()) & known.to_numpy()
            exact = lookup.outcome == OUTCOMES.index("exact")
            rows = one["id"].isin(differ["id"]).to_numpy()
            right = (to == one["id"].to_numpy())[rows]
            outcome = lookup.outcome[rows]
            unambiguous = one["id"][rows].isin(differ["id"][single]).to_numpy()
            counts = [int((outcome == OUTCOMES.index(name)).sum()) for name in OUTCOMES[-2:]]
            print(
                f"| {direction} | {arm} | {rows.sum()} | {right.sum()} ({right.mean():.1%}) "
                f"| {wrong[rows].sum()} | {counts[0]} | {counts[1]} "
                f"| {unambiguous.sum()} | {right[unambiguous].sum()} "
                f"({right[unambiguous].mean():.1%}) | {exact.sum()} | {(wrong & exact).sum()} |"
            )


def under_other_names(query: ad.AnnData, old: pd.DataFrame) -> dict[str, tuple]:
    """Give a query other names; with each the alias table that goes with it."""
    single = old[~old["symbol"].duplicated(keep=False)].set_index("symbol")["id"]
    known = query[:, query.var_names.isin(single.index)].copy()
    ids = single[known.var_names].to_numpy()
    table = pd.DataFrame({"alias": single.to_numpy(), "symbol": single.index})
    versions, column, bare, lower = (known.copy() for _ in range(4))
    versions.var_names = [f"{name}.{j % 17 + 1}" for j, name in enumerate(ids)]
    versions.var = pd.DataFrame({"feature_name": known.var_names}, index=versions.var_names)
    column.var_names = ids
    column.var = pd.DataFrame({"feature_name": known.var_names}, index=ids)
    bare.var = pd.DataFrame(index=ids)
    lower.var_names = known.var_names.str.lower()
    return {
        "symbols, all genes": (query, None),
        "symbols, genes with an Ensembl identifier": (known, None),
        "Ensembl, symbols in a column": (column, None),
        "Ensembl with versions, symbols in a column": (versions, None),
        "Ensembl, alias table": (bare, table),
        "lower case": (lower, None),
    }


def answers() -> None:
    old, _ = annotations()
    print("\n| dataset | query's genes | genes matched | accuracy | labels that differ |")
    print("|---" * 5 + "|")
    for name in ("pbmc3k", "pbmc_zheng_facs"):
        adata = read(name)
        train, test = next(iter(folds(adata, None)))
        reference, query = adata[train].copy(), adata[test].copy()
        truth = query.obs["cell_type"].astype(str).to_numpy()
        cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
        model = cc.model.CellClassifierMLP(reference)
        model.train(enable_progress_bar=False)
        expected = None
        for arm, (other, table) in under_other_names(query, old).items():
            scores = model.score_cells(other, gene_aliases=table)
            found = np.asarray(scores.labels)[scores.codes]
            if not arm.endswith("all genes") and expected is None:
                expected = found
            n_differ = "" if expected is None else str(int((found != expected).sum()))
            print(
                f"| {name} | {arm} | {sum(scores.report['n_genes_by_rule'].values())} "
                f"| {100 * (found == truth).mean():.2f} | {n_differ} |",
                flush=True,
            )


def seconds() -> None:
    old, _ = annotations()
    reference = genes_only(old, ids=True)
    query = reference[:, np.random.default_rng(0).permutation(reference.n_vars)].copy()
    plain = query.copy()
    plain.var = plain.var.iloc[:, :0]
    lower = plain.copy()
    lower.var_names = lower.var_names.str.lower()
    arms = {"exact": plain, "exact, with gene_ids on both sides": query, "lower case": lower}
    print("\n| 36,601 genes | seconds |", "|---|---|", sep="\n")
    for arm, other in arms.items():
        taken = []
        for _ in range(5):
            start = time.process_time()
            look_up_genes(gene_names_of(other), gene_names_of(reference))
            taken.append(time.process_time() - start)
        print(f"| {arm} | {np.median(taken):.3f} |")


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    warnings.filterwarnings("ignore", message="The query lacks")
    warnings.filterwarnings("ignore", message="Suffix used")
    renamed()
    answers()
    seconds()


if __name__ == "__main__":
    main()
