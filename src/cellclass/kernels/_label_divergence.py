"""One label against the rest: divergence, mean counts and detection of each gene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from cellclass.kernels._gene_histogram import for_all_genes, read_gene, xlogx_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cellclass.kernels._count_tables import CountTables


@dataclass(frozen=True)
class LabelDivergences:
    """Each label against all others; every field is float64 `(n_labels, n_vars)`."""

    divergence: NDArray[np.float64]
    """Jensen–Shannon divergence in nats, at most ln 2; negative where the label's mean count is
    below that of the rest."""
    mean: NDArray[np.float64]
    """Mean count of the label's cells."""
    mean_rest: NDArray[np.float64]
    """Mean count of the other cells."""
    detected: NDArray[np.float64]
    """Share (0–1) of the label's cells with a count above 0."""
    detected_rest: NDArray[np.float64]
    """Share (0–1) of the other cells with a count above 0."""
    n_values: NDArray[np.int64]
    """int64 `(n_vars,)`: the different values of each gene."""


def label_divergences(
    tables: CountTables, *, bin_values: ArrayLike | None = None, n_threads: int | None = 1
) -> LabelDivergences:
    r"""Compare the counts of each label with those of all other cells, gene by gene.

    With :math:`p` the distribution of a gene's counts in the label, and :math:`q` that in all
    other cells together, the divergence is

    .. math:: H\Bigl(\frac{p + q}{2}\Bigr) - \frac{H(p) + H(q)}{2}

    with the sign of the difference of the mean counts: the generalised divergence of two labels
    with equal weights, whatever their numbers of cells.

    Parameters
    ----------
    tables
        What `count_tables` returned. The matrix is not needed again.
    bin_values
        What a count in each bin is taken for in the means, float64 `(n_bins,)`, where the tables
        hold bins; by default the bins are the counts themselves.
    n_threads
        Threads to use, None for one per processor; the result is the same bits for any number.

    Returns
    -------
    `LabelDivergences`. A label without cells, or with all of them, has divergence 0.
    """
    shape = (tables.n_cells.size, tables.offsets.size - 1)
    n_values = np.empty(shape[1], dtype=np.int64)
    fields = [np.zeros(shape) for _ in range(5)]
    n_obs = int(tables.n_cells.sum())
    shares = (  # what a cell adds to the mean of the two distributions
        0.5 / np.maximum(tables.n_cells, 1),
        0.5 / np.maximum(n_obs - tables.n_cells, 1),
    )
    of_bins = np.asarray([] if bin_values is None else bin_values, dtype=np.float64)
    for_all_genes(
        _label_divergences,
        tables,
        xlogx_table(n_obs),
        *shares,
        of_bins,
        *fields,
        n_values,
        n_threads=n_threads,
    )
    divergence, mean, mean_rest, detected, detected_rest = fields
    return LabelDivergences(divergence, mean, mean_rest, detected, detected_rest, n_values)


@numba.njit(nogil=True, cache=True)
def _label_divergences(
    table: np.ndarray,
    offsets: np.ndarray,
    overflow: np.ndarray,
    n_cells: np.ndarray,
    first_gene: int,
    last_gene: int,
    key: int,
    n_most: int,
    xlogx: np.ndarray,
    half: np.ndarray,
    half_rest: np.ndarray,
    of_bins: np.ndarray,
    divergence: np.ndarray,
    mean: np.ndarray,
    mean_rest: np.ndarray,
    detected: np.ndarray,
    detected_rest: np.ndarray,
    values_of: np.ndarray,
) -> None:
    """Fill the arrays.

    A value that the label does not have needs no logarithm: half of the share of the rest, times
    ln 2, is what it adds. So the sums run over the values of the label only, and the share of the
    rest there tells the remainder.
    """
    n_labels = n_cells.size
    n_obs = 0
    for n in n_cells:
        n_obs += n
    values = np.empty(n_most, dtype=np.int64)
    cells = np.empty((n_most, n_labels), dtype=np.int64)
    mixture = np.empty(n_labels)
    own = np.empty(n_labels)
    rest = np.empty(n_labels)
    shared = np.empty(n_labels, dtype=np.int64)  # cells of the rest with a value of the label
    sums = np.empty(n_labels)
    for gene in range(first_gene, last_gene):
        n_values, key = read_gene(table, offsets, overflow, n_cells, gene, key, values, cells)
        values_of[gene] = n_values
        for label in range(n_labels):
            mixture[label] = own[label] = rest[label] = sums[label] = 0.0
            shared[label] = 0
        total_sum = 0.0
        n_zeros = np.int64(0)
        for i in range(n_values):
            n_here = np.int64(0)
            for label in range(n_labels):
                n_here += cells[i, label]
            value = of_bins[values[i]] if of_bins.size > 0 else np.float64(values[i])
            total_sum += np.float64(n_here) * value
            if values[i] == 0:
                n_zeros = n_here
            for label in range(n_labels):
                n = cells[i, label]
                if n > 0:
                    n_rest = n_here - n
                    p = half[label] * n + half_rest[label] * n_rest
                    mixture[label] -= p * np.log(p)
                    own[label] += xlogx[n]
                    rest[label] += xlogx[n_rest]
                    shared[label] += n_rest
                    sums[label] += np.float64(n) * value
        for label in range(n_labels):
            n = n_cells[label]
            n_rest = n_obs - n
            if n == 0 or n_rest == 0:
                continue
            zeros = cells[0, label] if n_zeros > 0 else 0
            mean[label, gene] = sums[label] / n
            mean_rest[label, gene] = (total_sum - sums[label]) / n_rest
            detected[label, gene] = 1.0 - zeros / n
            detected_rest[label, gene] = 1.0 - (n_zeros - zeros) / n_rest
            if n_values > 1:
                share = shared[label] / n_rest
                d = mixture[label]
                d += 0.5 * (own[label] / n - np.log(n))
                d += 0.5 * (rest[label] / n_rest - share * np.log(n_rest))
                d += 0.5 * np.log(2.0) * (1.0 - share)
                d = max(d, 0.0)
                lower = mean[label, gene] < mean_rest[label, gene]
                divergence[label, gene] = -d if lower else d
