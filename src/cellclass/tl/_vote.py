"""Let the cells of a group have a say in each other's labels; numpy in, numbers out."""

from __future__ import annotations

import numpy as np

# A group speaks through its frequencies as if this many cells of the whole query belonged to it,
# too: the frequencies of a handful of cells are no evidence.
_CELLS_OF_QUERY = 20


def pooled_posterior(probability: np.ndarray, groups: np.ndarray, *, weight: float) -> np.ndarray:
    r"""Weigh each cell's probabilities with how frequent the labels are in its group.

    With :math:`p_i` the probabilities of cell :math:`i`, :math:`\bar p` their mean over all cells
    and :math:`g` the cells of its group,

    .. math::

        q_i \propto p_i \left(\frac{\pi_i}{\bar p}\right)^w, \qquad
        \pi_i = \frac{20\,\bar p + \sum_{j \in g,\, j \ne i} p_j}{20 + |g| - 1} .

    For :math:`w = 1` this is Bayes' rule if group and expression are independent given the label.

    Parameters
    ----------
    probability
        float64 `(n_obs, n_labels)`; rows sum to 1.
    groups
        Number of each cell's group, from 0 on, int `(n_obs,)`.
    weight
        The :math:`w`.

    Returns
    -------
    The :math:`q`, float64 `(n_obs, n_labels)`; rows sum to 1.
    """
    if not len(probability):
        return probability.copy()
    overall = probability.mean(axis=0)
    n_cells = np.bincount(groups)
    sums = np.zeros((len(n_cells), probability.shape[1]))
    np.add.at(sums, groups, probability)
    others = sums[groups] - probability  # a cell is no witness in its own case
    # The difference of two sums may come out below zero by rounding.
    prior = np.maximum(others, 0) + _CELLS_OF_QUERY * overall
    prior /= (n_cells[groups] - 1 + _CELLS_OF_QUERY)[:, None]
    ratio = np.divide(prior, overall, out=np.ones_like(prior), where=overall > 0)
    with np.errstate(divide="ignore"):  # a label without probability stays so
        score = np.log(probability) + weight * np.log(ratio)
    posterior = np.exp(score - score.max(axis=1, keepdims=True))  # no power overflows
    return posterior / posterior.sum(axis=1, keepdims=True)


def plain_vote(codes: np.ndarray, groups: np.ndarray, n_labels: int) -> tuple[np.ndarray, ...]:
    """Return the most frequent label of each group, its share and the number of cells.

    Parameters
    ----------
    codes
        Label of each cell, int `(n_obs,)`.
    groups
        Number of each cell's group, from 0 on, int `(n_obs,)`.
    n_labels
        How many labels there are.

    Returns
    -------
    labels, shares, n_cells
        int64, float64 (0–1) and int64 `(n_groups,)`; of equals the first label.
    """
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    votes = np.zeros((n_groups, n_labels), dtype=np.int64)
    np.add.at(votes, (groups, codes), 1)
    n_cells = votes.sum(axis=1)
    return votes.argmax(axis=1), votes.max(axis=1) / np.maximum(n_cells, 1), n_cells
