"""What a gene tells about the label beyond the genes that are chosen already.

Each gene has a code for each cell: 0, 1 or 2. A code is two bits, "at least 1" and "at least 2";
the bits of 64 cells of one label stand in one word, so that four `and`s and four population counts
give all nine cells of the table of two genes. Words are filled up with zeros at the end of each
label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy.special import xlogy

if TYPE_CHECKING:
    from scipy import sparse

N_CODES = 3
WORD = 64
LEAST_DEVIATION = 1e-6  # below it a gene is constant but for rounding
LEAST_REDUNDANCY = 1e-3  # a gene that is uncorrelated with all is not worth infinitely much


@dataclass(frozen=True)
class PackedCodes:
    """Codes 0, 1 and 2 of some genes, one bit for each cell and threshold."""

    planes: np.ndarray
    """uint64 `(n_genes, 2, n_words)`: bits of "at least 1" and "at least 2"."""
    bounds: np.ndarray
    """int64 `(n_labels + 1,)`: where the words of each label begin and end."""
    totals: np.ndarray
    """int64 `(n_genes, 2, n_labels)`: how many of those bits are set."""
    n_cells: np.ndarray
    """int64 `(n_labels,)`: cells of each label."""


def pack_codes(
    counts: sparse.csc_array, codes: np.ndarray, n_labels: int, thresholds: np.ndarray
) -> PackedCodes:
    """Turn counts into codes: how many of a gene's two thresholds they reach.

    Parameters
    ----------
    counts
        Values `(n_obs, n_genes)`, without duplicates.
    codes
        Label of each cell, from 0 to ``n_labels - 1``, `(n_obs,)`; -1 leaves the cell out.
    n_labels
        Number of labels; each has cells.
    thresholds
        Two rising positive thresholds of each gene, `(n_genes, 2)`.
    """
    n_cells = np.bincount(codes[codes >= 0], minlength=n_labels)
    bounds = np.concatenate([[0], np.cumsum(-(-n_cells // WORD))])
    cells = np.argsort(codes, kind="stable")[codes.size - n_cells.sum() :]
    place = np.full(codes.size, -1, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(n_cells)[:-1]])
    place[cells] = np.arange(cells.size) + np.repeat(WORD * bounds[:-1] - first, n_cells)
    n_genes = counts.shape[1]
    planes = np.zeros((n_genes, N_CODES - 1, bounds[-1]), dtype=np.uint64)
    totals = np.zeros((n_genes, N_CODES - 1, n_labels), dtype=np.int64)
    indptr = counts.indptr.astype(np.int64)
    _pack(counts.data, counts.indices, indptr, thresholds, codes, place, planes, totals)
    return PackedCodes(planes, bounds, totals, n_cells)


def greedy_information(
    packed: PackedCodes, shares: np.ndarray, n_selected: int, *, mean: bool
) -> tuple[np.ndarray, np.ndarray]:
    r"""Choose genes one after the other by conditional mutual information.

    The information :math:`I(X; Y)` of a code about the label and :math:`I(X; Y | W)`, given the
    code of another gene, are those of cells drawn by first drawing a label with probability
    `shares` and then one of its cells:

    .. math:: I(X; Y | W) = I((X, W); Y) - I(W; Y)

    Parameters
    ----------
    packed
        Codes of the candidate genes.
    shares
        Weight of each label, with sum 1, `(n_labels,)`.
    n_selected
        How many genes to choose.
    mean
        Whether a gene's score is the mean over the chosen genes W of `I(X; Y | W)` (JMI), or the
        smallest of these and of `I(X; Y)` (CMIM).

    Returns
    -------
    order
        Positions of the chosen genes, int64 `(n_selected,)`; of equal genes the first is chosen.
    scores
        Score of each when it was chosen, in nats, float64 `(n_selected,)`.
    """
    counts = np.arange(packed.n_cells.max() + 1, dtype=np.float64)
    xlogx = xlogy(counts, counts)
    per_cell = shares / packed.n_cells
    constant = float(shares @ np.log(packed.n_cells))
    n_genes = packed.planes.shape[0]
    relevance = np.empty(n_genes)
    _single_information(packed.totals, packed.n_cells, per_cell, xlogx, constant, relevance)
    scores = relevance.copy()
    total = np.zeros(n_genes)
    pair = np.empty(n_genes)
    is_open = np.ones(n_genes, dtype=np.bool_)
    order = np.empty(n_selected, dtype=np.int64)
    found = np.empty(n_selected)
    for step in range(n_selected):
        best = int(np.argmax(np.where(is_open, scores, -np.inf)))
        order[step], found[step] = best, scores[best]
        is_open[best] = False
        if step + 1 == n_selected:
            break
        _pair_information(
            packed.planes,
            packed.bounds,
            packed.totals,
            packed.n_cells,
            per_cell,
            xlogx,
            constant,
            best,
            is_open,
            pair,
        )
        gain = np.maximum(pair - relevance[best], 0.0)  # rounding can leave -1e-16
        if mean:
            total += gain
            scores = total / (step + 1)
        else:
            np.minimum(scores, gain, out=scores)
    return order, found


def greedy_correlation(
    expression: sparse.csc_array, relevance: np.ndarray, n_selected: int, *, quotient: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Choose genes one after the other by relevance and correlation with the chosen ones.

    Parameters
    ----------
    expression
        Expression of the candidate genes, `(n_obs, n_genes)`, without duplicates.
    relevance
        What a gene is worth by itself, `(n_genes,)`.
    n_selected
        How many genes to choose.
    quotient
        Whether relevance is divided by the mean absolute Pearson correlation with the chosen
        genes, or that mean is subtracted from it. A constant gene counts as
        correlated, 1: it tells nothing.

    Returns
    -------
    order
        Positions of the chosen genes, int64 `(n_selected,)`.
    scores
        Score of each when it was chosen, float64 `(n_selected,)`.
    """
    n_obs = expression.shape[0]
    mean = expression.sum(axis=0) / n_obs
    deviation = np.sqrt(np.maximum(expression.power(2).sum(axis=0) / n_obs - mean**2, 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > LEAST_DEVIATION)
    by_gene = expression.T
    total = np.zeros(relevance.size)
    is_open = np.ones(relevance.size, dtype=np.bool_)
    order = np.empty(n_selected, dtype=np.int64)
    found = np.empty(n_selected)
    scores = relevance.astype(np.float64)
    for step in range(n_selected):
        best = int(np.argmax(np.where(is_open, scores, -np.inf)))
        order[step], found[step] = best, scores[best]
        is_open[best] = False
        column = np.full(n_obs, -mean[best])
        entries = slice(expression.indptr[best], expression.indptr[best + 1])
        column[expression.indices[entries]] += expression.data[entries]
        total += np.where(scale > 0, np.abs(by_gene @ column) * (scale * scale[best] / n_obs), 1)
        redundancy = total / (step + 1)
        divided = relevance / np.maximum(redundancy, LEAST_REDUNDANCY)
        scores = divided if quotient else relevance - redundancy
    return order, found


@numba.njit(nogil=True, cache=True)
def _pack(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    thresholds: np.ndarray,
    codes: np.ndarray,
    place: np.ndarray,
    planes: np.ndarray,
    totals: np.ndarray,
) -> None:
    for gene in range(indptr.size - 1):
        for entry in range(indptr[gene], indptr[gene + 1]):
            cell = indices[entry]
            if codes[cell] < 0:
                continue
            word, bit = place[cell] // WORD, np.uint64(1) << np.uint64(place[cell] % WORD)
            for plane in range(N_CODES - 1):
                if data[entry] >= thresholds[gene, plane]:
                    planes[gene, plane, word] |= bit
                    totals[gene, plane, codes[cell]] += 1


@numba.njit(nogil=True, cache=True)
def _count_bits(word: np.uint64) -> int:
    # the compiler turns this into the one instruction for it
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56)))


@numba.njit(nogil=True, cache=True)
def _single_information(
    totals: np.ndarray,
    n_cells: np.ndarray,
    per_cell: np.ndarray,
    xlogx: np.ndarray,
    constant: float,
    out: np.ndarray,
) -> None:
    """Fill `out` with I(X; Y) of each gene."""
    for gene in range(totals.shape[0]):
        mixture = np.zeros(N_CODES)
        within = 0.0
        for label in range(n_cells.size):
            one, two = totals[gene, 0, label], totals[gene, 1, label]
            table = (n_cells[label] - one, one - two, two)
            for code in range(N_CODES):
                mixture[code] += per_cell[label] * table[code]
                within += per_cell[label] * xlogx[table[code]]
        entropy = 0.0
        for p in mixture:
            if p > 0.0:
                entropy -= p * np.log(p)
        out[gene] = max(entropy - constant + within, 0.0)


@numba.njit(nogil=True, cache=True)
def _pair_information(
    planes: np.ndarray,
    bounds: np.ndarray,
    totals: np.ndarray,
    n_cells: np.ndarray,
    per_cell: np.ndarray,
    xlogx: np.ndarray,
    constant: float,
    chosen: int,
    is_open: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill `out` with I((X, W); Y) of each open gene X and the chosen gene W; 0 elsewhere."""
    w1, w2 = planes[chosen, 0], planes[chosen, 1]
    table = np.empty(N_CODES * N_CODES, dtype=np.int64)
    mixture = np.empty(N_CODES * N_CODES)
    for gene in range(planes.shape[0]):
        out[gene] = 0.0
        if not is_open[gene]:
            continue
        x1, x2 = planes[gene, 0], planes[gene, 1]
        mixture[:] = 0.0
        within = 0.0
        for label in range(n_cells.size):
            n11 = n12 = n21 = n22 = 0
            for word in range(np.uint64(bounds[label]), np.uint64(bounds[label + 1])):
                n11 += _count_bits(x1[word] & w1[word])
                n12 += _count_bits(x1[word] & w2[word])
                n21 += _count_bits(x2[word] & w1[word])
                n22 += _count_bits(x2[word] & w2[word])
            one, two = totals[gene, 0, label], totals[gene, 1, label]
            other_one, other_two = totals[chosen, 0, label], totals[chosen, 1, label]
            table[0] = n_cells[label] - one - other_one + n11
            table[1] = (other_one - other_two) - (n11 - n12)
            table[2] = other_two - n12
            table[3] = (one - two) - (n11 - n21)
            table[4] = n11 - n12 - n21 + n22
            table[5] = n12 - n22
            table[6] = two - n21
            table[7] = n21 - n22
            table[8] = n22
            for cell in range(table.size):
                mixture[cell] += per_cell[label] * table[cell]
                within += per_cell[label] * xlogx[table[cell]]
        entropy = 0.0
        for p in mixture:
            if p > 0.0:
                entropy -= p * np.log(p)
        out[gene] = entropy - constant + within
