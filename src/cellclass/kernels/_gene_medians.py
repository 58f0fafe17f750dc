"""Medians of genes over the cells that express them."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def add_by_gene(data: np.ndarray, indices: np.ndarray, place: np.ndarray, out: np.ndarray) -> None:
    """Copy the values above 0 of some rows to where their genes' values are collected.

    Parameters
    ----------
    data, indices
        Values and genes of the entries, in any order.
    place
        Where each gene's next value goes in `out`, int64 `(n_vars,)`; moved behind it.
    out
        float64 array for the values of all genes, gene by gene.
    """
    for j in range(data.size):
        if data[j] > 0:
            gene = indices[j]
            out[place[gene]] = data[j]
            place[gene] += 1


@numba.njit(nogil=True, cache=True)
def medians_by_gene(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the median of ``values[bounds[i]:bounds[i + 1]]`` for each gene i; NaN of none."""
    out = np.full(bounds.size - 1, np.nan)
    for gene in range(out.size):
        if bounds[gene + 1] > bounds[gene]:
            out[gene] = np.median(values[bounds[gene] : bounds[gene + 1]])
    return out
