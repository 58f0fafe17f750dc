"""Vectors of genes from elsewhere, such as Gene2Vec's, for the genes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from cellclass.contract import look_up_genes, names_beside
from cellclass.io._gene_vectors import read_gene_vectors

if TYPE_CHECKING:
    from os import PathLike

    from cellclass.contract import GeneAliases, InputContract

#: Share of genes that are known from elsewhere, below which the caller is warned.
SMALLEST_SHARE = 0.5


class NoVectorsError(ValueError):
    """None of the genes that a model reads has a vector."""


def vectors_of_genes(given: pd.DataFrame | str | PathLike[str]) -> pd.DataFrame:
    """Check vectors of genes, or read them from a file in word2vec's text format.

    Returns
    -------
    DataFrame of float32: genes in rows, by their names.

    Raises
    ------
    TypeError
        It is no DataFrame of numbers, and no path.
    ValueError
        A gene is there twice, a number is not finite, or the file cannot be read.
    """
    if not isinstance(given, pd.DataFrame):
        if not isinstance(given, str) and not hasattr(given, "__fspath__"):
            raise TypeError(
                f"gene_embedding is a {type(given).__name__}; a DataFrame with a row of numbers "
                "for each gene, such as cc.datasets.gene2vec(), or a path is needed."
            )
        return read_gene_vectors(given)
    if given.empty:
        raise TypeError("gene_embedding is empty: a row for each gene is needed.")
    others = [name for name, kind in given.dtypes.items() if not _is_real(kind)]
    if others or isinstance(given.index, pd.MultiIndex):
        found = "an index of several levels"
        if others:
            found = f"the column {others[0]!r} of type {given.dtypes[others[0]]}"
        raise TypeError(
            f"gene_embedding has {found}; genes belong into the index, of one level, and "
            "nothing but real numbers into the columns."
        )
    with np.errstate(over="ignore"):
        given = pd.DataFrame(
            given.to_numpy(float, na_value=np.nan).astype(np.float32),
            index=given.index,
            columns=given.columns,
        )
    if not given.index.is_unique:
        twice = given.index[given.index.duplicated()][0]
        raise ValueError(
            f"gene_embedding holds {twice!r} twice: keep one row of each gene, "
            "frame[~frame.index.duplicated()]."
        )
    if not np.isfinite(given.to_numpy()).all():
        raise ValueError(
            "gene_embedding holds numbers that are NaN, infinite, or too large for float32: drop "
            "their rows."
        )
    return given


def _is_real(kind: object) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(kind) and not (
        types.is_bool_dtype(kind) or types.is_complex_dtype(kind)
    )


def match_vectors(
    vectors: pd.DataFrame, contract: InputContract, aliases: GeneAliases | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the vector of each gene that a model reads, by its names.

    Returns
    -------
    vectors
        float32 `(n_genes, dim)`, zeros for a gene without one.
    has_vector
        bool `(n_genes,)`.

    Raises
    ------
    ValueError
        No gene has one.
    """
    lookup = look_up_genes(names_beside(vectors.index, None), contract.gene_names, aliases)
    row = np.full(len(contract.genes), -1)
    found = np.flatnonzero(lookup.place >= 0)
    row[lookup.place[found]] = found
    row = row[contract.selected]
    has_vector = row >= 0
    if not has_vector.any():
        raise NoVectorsError(
            f"gene_embedding has vectors of none of the {len(row)} genes that the model reads: it "
            f"names genes as {vectors.index[0]!r}, the reference as {contract.genes[0]!r}. Give it "
            "the reference's gene names as index, or the reference a column of var with its names."
        )
    out = np.where(has_vector[:, None], vectors.to_numpy(np.float32)[row], np.float32(0))
    return torch.from_numpy(out), torch.from_numpy(has_vector)
