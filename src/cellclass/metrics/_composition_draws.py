"""Where the proportions of a condition may lie: random draws of calibration, samples and cells."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

# What is added to the counts before cells are drawn again, so that a count of 0 is not certain:
# half a cell for each label in a sample (Jeffreys' prior); in a row of the confusion matrix two
# cells in all, but at most a twentieth of the row. Chosen by simulation (docs/composition.md).
_SAMPLE_CELLS = 0.5
_ROW_CELLS, _ROW_SHARE = 2.0, 0.05
# Logits beyond which a share is 0 or 1.
_FAR = 50.0


def draw_inverses(
    confusion: np.ndarray | None, n_labels: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw the calibration cells again, and invert the confusion rates.

    Parameters
    ----------
    confusion
        Cells by true and predicted label, `(n_labels, n_labels)`; `None` for no correction. A row
        without cells is taken as free of errors.
    n_labels, n
        How many labels, and draws.
    rng
        Generator, which is advanced.

    Returns
    -------
    float64 `(n, n_labels, n_labels)`: `shares @ inverse` are corrected proportions.
    """
    if confusion is None:
        return np.broadcast_to(np.eye(n_labels), (n, n_labels, n_labels))
    rates = np.empty((n, n_labels, n_labels))
    for row, cells in enumerate(confusion):
        total = cells.sum()
        if total == 0:
            rates[:, row] = np.eye(n_labels)[row]
            continue
        added = min(_ROW_CELLS, _ROW_SHARE * total) / n_labels
        rates[:, row] = rng.dirichlet(cells + added, size=n)
    return np.linalg.inv(rates)


def draw_cells(counts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the cells of each sample again; mean shares over samples, `(n, n_labels)`.

    Parameters
    ----------
    counts
        Cells by sample and predicted label, `(n_samples, n_labels)`.
    n
        Draws.
    rng
        Generator, which is advanced.
    """
    return np.mean([rng.dirichlet(row + _SAMPLE_CELLS, size=n) for row in counts], axis=0)


def draw_samples(
    shares: np.ndarray, n: int, rng: np.random.Generator, *, like: np.ndarray | None = None
) -> np.ndarray:
    r"""Draw the mean shares of a condition, as its samples differ, `(n, n_labels)`.

    With :math:`q_s` the shares of sample s of S, :math:`g_s` standard normal and :math:`\chi^2`
    with S − 1 degrees of freedom, the mean is moved by

    .. math::

        \delta = \sqrt{\frac{S - 1}{\chi^2}} \sum_s \frac{g_s (q_s - \bar q)}{\sqrt{S (S - 1)}} :

    a multiplier bootstrap with the scale of Student's t, whose quantiles are the interval of t for
    a mean. Drawing the samples with replacement gives intervals that are too narrow for few ones.
    It is moved on the scale of the logit, :math:`\operatorname{logit} \bar q + \delta / \bar q (1 -
    \bar q)`, since shares of rare labels are skewed; shares of a draw are then made to sum to 1.

    Parameters
    ----------
    shares
        Of each sample, `(n_samples, n_labels)`.
    n
        Draws.
    rng
        Generator, which is advanced.
    like
        Shares of other samples, which are taken to differ as these would, `(n_others, n_labels)`.
    """
    mean = shares.mean(axis=0)
    like = shares if like is None else like
    freedom = len(like) - 1
    moved = _multiplied(like, len(shares), n, rng)
    moved *= np.sqrt(freedom / rng.chisquare(freedom, size=(n, 1)))
    inside = (mean > 0) & (mean < 1)
    drawn = np.broadcast_to(mean, moved.shape).copy()
    at = mean[inside]
    drawn[:, inside] = expit(logit(at) + np.clip(moved[:, inside] / (at * (1 - at)), -_FAR, _FAR))
    return drawn / drawn.sum(axis=1, keepdims=True)


def draw_spread(shares: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the mean shares as if the spread of the samples were known, `(n, n_labels)`.

    The draws have the mean and the covariance of the mean of the samples: for what becomes of the
    noise in them, not for intervals.
    """
    return shares.mean(axis=0) + _multiplied(shares, len(shares), n, rng)


def _multiplied(shares: np.ndarray, n_samples: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw normally, with the covariance of a mean of so many samples that differ as these do."""
    factors = rng.normal(size=(n, len(shares))) / np.sqrt((len(shares) - 1) * n_samples)
    return factors @ (shares - shares.mean(axis=0))


def corrected(shares: np.ndarray, inverses: np.ndarray) -> np.ndarray:
    """Correct each draw `(n, n_labels)` with its own inverse `(n, n_labels, n_labels)`."""
    return np.einsum("np,npt->nt", shares, inverses)


def cell_variance(counts: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Variance of corrected proportions that comes from drawing cells, `(n_samples, n_labels)`."""
    padded = counts + _SAMPLE_CELLS
    n_cells = padded.sum(axis=1, keepdims=True)
    shares = padded / n_cells
    return (shares @ inverse**2 - (shares @ inverse) ** 2) / n_cells


def interval(
    draws: tuple[np.ndarray, ...], estimate: np.ndarray, level: float, *, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ends that hold the middle share `level` of each kind of draws.

    Parameters
    ----------
    draws
        Of one or several kinds, `(n, n_labels)`; the widest counts.
    estimate
        Always inside, `(n_labels,)`.
    level
        Such as 0.95.
    least
        Ends are not below this, nor above 1.
    """
    tail = (1 - level) / 2
    ends = [np.quantile(kind, [tail, 1 - tail], axis=0) for kind in draws]
    lower = np.minimum.reduce([estimate, *(end[0] for end in ends)])
    upper = np.maximum.reduce([estimate, *(end[1] for end in ends)])
    return np.clip(lower, least, 1), np.clip(upper, least, 1)
