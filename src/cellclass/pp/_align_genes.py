"""Find the genes of one AnnData among those that a reference or a model knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from cellclass._checks import check_not_empty, check_unique_genes
from cellclass._keys import (
    ALIGN_GENES,
    JS_DIVERGENCE,
    PARAMS,
    gene_original_key,
    gene_rule_key,
)
from cellclass._own import check_writable, keep_genes, own
from cellclass._warn import warn
from cellclass.contract import (
    OUTCOMES,
    GeneNames,
    InputContract,
    doubts_of,
    explain_mismatch,
    gene_names_of,
    gene_report,
    look_up_genes,
    missing_importance,
)
from cellclass.errors import GeneError

if TYPE_CHECKING:
    from cellclass.contract import GeneAliases, GeneLookup


def align_genes(
    adata: AnnData,
    reference: AnnData | InputContract | Iterable[str],
    *,
    gene_aliases: GeneAliases | None = None,
    subset: bool = False,
    key_added: str = ALIGN_GENES,
    copy: bool = False,
) -> AnnData | None:
    """Say which gene of a reference each gene is, and by which rule that is known.

    Call it to see why a query lacks genes, or, with `subset`, to give two AnnData the same genes
    under the same names. Before :func:`cellclass.tl.annotate` it is not needed: models match genes
    in the same way by themselves.

    These rules are applied, the most trustworthy first; a gene that one has matched is settled:

    ``exact``
        The same name.
    ``spaces``
        The same but for blanks at either end.
    ``version``
        The same Ensembl identifier: ``ENSG00000167286.9`` and ``ENSG00000167286``. Dots in symbols
        stay (``AL627309.1``), and ``ENSG00000182378.15_PAR_Y`` is another gene than that without
        ``_PAR_Y``.
    ``case``
        The same but for upper and lower case, as long as that is not the difference between two
        organisms: ``cd3d`` and ``CD3D`` match, and ``C1ORF112`` and ``C1orf112``; ``Cd3d`` (mouse)
        and ``CD3D`` (human) do not.
    ``column``
        The same Ensembl identifier, or else the same symbol, in a column of `.var`: of `adata`, of
        the reference, or of both. Columns are known by what they hold, whatever they are called.
    ``alias``
        The same gene by `gene_aliases`, in whichever of the two it has the old name.

    Nothing is guessed. A gene is ``ambiguous``, and not matched, when another one has as good a
    claim to the same gene of the reference, when its name stands for several of them, or when its
    name says one gene and its Ensembl identifier another. A reference gene that has its exact
    name in `adata` is not ambiguous: others that would fit it are ``extra``, as are genes that
    the reference does not have.

    The ``-1`` that :meth:`anndata.AnnData.var_names_make_unique` appends makes a name like any
    other: ``TBCE-1`` matches ``TBCE-1``. Which of the two genes called TBCE it is, only an Ensembl
    identifier can tell; where both sides have them and they disagree, the gene is ambiguous.
    Numbers for names match equal numbers, with a warning.

    Parameters
    ----------
    adata
        Cells × genes `(n_obs, n_vars)` with unique `.var_names`. The matrix is not looked at, and
        may be of any kind.
    reference
        What the genes are looked up in: an AnnData, a model or its `contract`, or gene names.
    gene_aliases
        Old and current names of genes: a mapping, or a data frame with the columns `alias` and
        `symbol`, such as :func:`cellclass.datasets.hgnc_symbols` gives.
    subset
        Whether to keep only the genes that were matched, under the names and in the order of the
        reference. Genes that `adata` lacks stay absent: a zero would be a count that nobody
        measured. `.raw` stays as it is.
    key_added
        Key of `.uns`, and start of the columns of `.var`.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following fields, and no field on an error:

    var[key_added] : category `(n_vars,)`
        Name of the gene in the reference; missing for a gene without a match.
    var[f"{key_added}_rule"] : category `(n_vars,)`
        The rule, ``"ambiguous"`` or ``"extra"``.
    var[f"{key_added}_original"] : str `(n_vars,)`
        With `subset`, the name in `adata` as it was.
    uns[key_added]["params"] : dict
        `subset`, and whether there was an alias table.
    uns[key_added]["n_genes_expected"], ["n_genes_matched"], ["n_genes_missing"] : int
        Genes of the reference, those found and those not found.
    uns[key_added]["n_genes_extra"], ["n_genes_ambiguous"] : int
        Genes of `adata` that were not matched.
    uns[key_added]["genes_missing"], ["genes_ambiguous"] : array of str
        Which these are.
    uns[key_added]["missing_importance"] : float
        Share (0–1) of the importance that the missing genes carry: of the divergence of a
        model's genes, or of `reference.var["js_divergence"]`. NaN where neither is known.
    uns[key_added]["n_genes_by_rule"] : dict of int
        How many genes each rule has matched.
    uns[key_added]["genes_renamed"] : DataFrame
        `query`, `reference` and `rule` of the genes that were found under another name.
    uns[key_added]["organism_query"], ["organism_reference"] : str
        By their Ensembl identifiers; empty where there are none.

    Raises
    ------
    GeneError
        No gene was matched, gene names are duplicated, or the alias table lacks its columns.
    TypeError
        `reference` is none of the above.
    ValueError
        There are no cells or genes, or `subset` or `copy` is asked of a backed AnnData.

    Warns
    -----
    UserWarning
        The genes seem to be those of another organism; or names are numbers.

    Examples
    --------
    >>> import cellclass as cc
    >>> reference = cc.datasets.pbmc68k_reduced()
    >>> query = reference[:, :100].copy()
    >>> query.var_names = query.var_names.str.lower()
    >>> cc.pp.align_genes(query, reference)
    >>> query.var[["gene_match", "gene_match_rule"]].iloc[0].tolist()
    ['HES4', 'case']
    >>> query.uns["gene_match"]["n_genes_missing"]
    665
    """
    check_not_empty(adata)
    check_unique_genes(adata)
    if adata.isbacked and (subset or copy):
        raise ValueError(
            "subset=True and copy=True need an AnnData in memory: call align_genes(adata."
            "to_memory(), …)."
        )
    check_writable(adata, copy=copy)
    genes, importance = _names_of(reference)
    lookup = look_up_genes(gene_names_of(adata), genes, gene_aliases)
    if not (lookup.place >= 0).any():
        raise GeneError(
            f"None of the {adata.n_vars} genes is one of the reference's {len(genes.names)}. "
            f"{explain_mismatch(lookup)}"
        )
    for doubt in doubts_of(lookup):
        warn(doubt)
    matched = genes.names.to_series().reset_index(drop=True).reindex(lookup.place)
    columns = {
        key_added: pd.Categorical(matched),
        gene_rule_key(key_added): pd.Categorical.from_codes(lookup.outcome, list(OUTCOMES)),
    }
    about = {
        PARAMS: {"subset": subset, "gene_aliases": gene_aliases is not None},
        **_counts(lookup, importance),
        **gene_report(lookup),
    }
    target = own(adata, copy=copy)
    for name, values in columns.items():
        target.var[name] = values
    target.uns[key_added] = about
    if subset:
        _subset(target, lookup, key_added)
    return target if copy else None


def _names_of(
    reference: AnnData | InputContract | Iterable[str],
) -> tuple[GeneNames, np.ndarray | None]:
    """Return the names of the reference's genes, and their importance where it is known."""
    contract = getattr(reference, "contract", reference)
    if isinstance(contract, InputContract):
        read = np.zeros(len(contract.genes))
        read[contract.selected] = contract.importance
        return contract.gene_names, read
    if isinstance(reference, AnnData):
        check_unique_genes(reference)
        ranked = JS_DIVERGENCE in reference.var.columns
        importance = reference.var[JS_DIVERGENCE].to_numpy(dtype=float) if ranked else None
        return gene_names_of(reference), importance
    if isinstance(reference, (str, bytes, pd.DataFrame)) or not isinstance(reference, Iterable):
        raise TypeError(
            f"reference is a {type(reference).__name__}; an AnnData, a model, its contract or the "
            "names of genes are needed, such as reference.var_names."
        )
    names = pd.Index([str(name) for name in reference], dtype=object)
    if names.empty or not names.is_unique:
        twice = names[names.duplicated()].unique()
        found = f"twice the gene {twice[0]!r}" if len(twice) else "no genes"
        raise GeneError(f"reference holds {found}; each gene once is needed.")
    return GeneNames(names), None


def _counts(lookup: GeneLookup, importance: np.ndarray | None) -> dict[str, object]:
    names, missing = lookup.reference.names, lookup.missing
    known = importance is not None and bool(np.nansum(importance))
    return {
        "n_genes_expected": len(names),
        "n_genes_matched": len(names) - len(missing),
        "n_genes_missing": len(missing),
        "n_genes_extra": int((lookup.outcome == OUTCOMES.index("extra")).sum()),
        "genes_missing": np.asarray(names[missing], dtype=object),
        "missing_importance": (
            missing_importance(np.nan_to_num(importance), missing)
            if importance is not None and known
            else np.nan
        ),
    }


def _subset(adata: AnnData, lookup: GeneLookup, key: str) -> None:
    """Keep the matched genes, as the reference calls and orders them."""
    genes = np.flatnonzero(lookup.place >= 0)
    genes = genes[np.argsort(lookup.place[genes])]
    keep_genes(adata, genes)
    adata.var[gene_original_key(key)] = adata.var_names.to_numpy(dtype=object)
    adata.var_names = pd.Index(lookup.reference.names[lookup.place[genes]])
