"""Whether the proportions of two conditions differ, label by label."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control, ttest_ind_from_stats

from cellclass.metrics._composition_draws import cell_variance

# Differences of permuted cells that are equal but for rounding.
_ROUNDING = 1e-12


def pvalues_of_cells(
    one: np.ndarray,
    other: np.ndarray,
    inverse: np.ndarray,
    *,
    n_permutations: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Test whether the cells of two samples are drawn from the same proportions.

    The cells of both are shuffled; the p-value is the share of shuffles, the observed one among
    them, in which the corrected proportions of the label differ as much. Exact however few the
    cells are and whatever the confusion is; it says nothing of other samples.

    Parameters
    ----------
    one, other
        Cells by predicted label, int64 `(n_labels,)`.
    inverse
        Of the confusion rates, `(n_labels, n_labels)`.
    n_permutations
        How many.
    rng
        Generator, which is advanced.

    Returns
    -------
    float64 `(n_labels,)`.
    """
    both, n_one, n_other = one + other, int(one.sum()), int(other.sum())
    drawn = rng.multivariate_hypergeometric(both, n_one, size=n_permutations)
    difference = (one / n_one - other / n_other) @ inverse
    permuted = (drawn / n_one - (both - drawn) / n_other) @ inverse
    as_much = np.abs(permuted) >= np.abs(difference) - _ROUNDING
    return (1 + as_much.sum(axis=0)) / (1 + n_permutations)


def pvalues_of_samples(one: np.ndarray, other: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Test whether the mean proportions of two conditions differ, from one sample to the next.

    Welch's t test on the corrected proportions of the samples. Where one of the conditions has a
    single sample, Student's, which takes the samples of both to differ alike. The spread of samples
    is taken to be at least what drawing their cells makes.

    Parameters
    ----------
    one, other
        Cells by sample and predicted label, int64 `(n_samples, n_labels)`; two samples or more in
        at least one of them.
    inverse
        Of the confusion rates, `(n_labels, n_labels)`.

    Returns
    -------
    float64 `(n_labels,)`.
    """
    moments = []
    for counts in (one, other):
        proportions = counts / counts.sum(axis=1, keepdims=True) @ inverse
        n_samples = len(counts)
        spread = np.zeros(counts.shape[1])
        if n_samples > 1:
            by_cells = np.sqrt(cell_variance(counts, inverse).mean(axis=0))
            spread = np.maximum(proportions.std(axis=0, ddof=1), by_cells)
        moments += [proportions.mean(axis=0), spread, n_samples]
    both = min(len(one), len(other)) > 1
    return np.asarray(ttest_ind_from_stats(*moments, equal_var=not both).pvalue)


def adjusted(pvalues: np.ndarray) -> np.ndarray:
    """Adjust p-values for their number (Benjamini–Hochberg); NaN is none."""
    found = np.full(pvalues.shape, np.nan)
    known = ~np.isnan(pvalues)
    if known.any():
        found[known] = false_discovery_control(pvalues[known])
    return found
