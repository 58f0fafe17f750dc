"""The shallow paths beside the deep one: fitted in closed form or to convergence, then weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from cellclass.metrics import fit_temperature
from cellclass.train._quiet import quiet_regression

if TYPE_CHECKING:
    from collections.abc import Callable

_STRENGTH = 0.2
_TOLERANCE = 1e-3
# With more cells the linear path would take longer than the deep one.
_MOST_CELLS = 5000
# How many cells' worth of log-likelihood speaks against leaving one of the paths out.
_PRIOR = 2.0


def fit_shallow_paths(
    module: Any,  # noqa: ANN401 - a network with `linear` and `prototypes`
    read: Callable[[np.ndarray], np.ndarray],
    codes: np.ndarray,
    *,
    seed: int,
) -> None:
    """Fit the linear path and the prototypes of a network.

    The linear path is logistic regression with an L2 penalty (C = 0.2): scikit-learn's L-BFGS on
    centred genes, which takes a quarter of the steps; the centre goes into the intercept.

    The prototypes are a diagonal linear discriminant on cells that are standardised over their
    genes, each by itself: mean per label, and a variance within labels that is shared by all of
    them and raised by its median, as in nearest shrunken centroids (Tibshirani et al. 2003), but
    without shrinking the means and without the shares of the labels. They have next to nothing to
    learn, and lead where a label has a dozen cells.

    Parameters
    ----------
    module
        Network whose paths are set.
    read
        Gives the input of training cells at increasing places, float32 `(n_cells, n_genes)`.
    codes
        Label codes of all training cells, `(n_train,)`; every label has cells.
    seed
        Of the training cells that are taken where there are more than 5000.
    """
    every = codes
    rows = _some(np.arange(len(codes)), codes, seed=seed)
    cells, codes = read(rows), codes[rows]
    weight, intercept = _logistic_regression(cells, codes)
    # Rare labels are kept whole: what that does to the shares of the labels is taken back.
    intercept = intercept + np.log(np.bincount(every) / np.bincount(codes))
    for layer, fitted in (
        (module.linear, (weight, intercept)),
        (module.prototypes, _discriminant(module.standardised(torch.from_numpy(cells)), codes)),
    ):
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(fitted[0]))
            layer.bias.copy_(torch.from_numpy(fitted[1]))


def _logistic_regression(cells: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(n_labels, n_genes)` and intercepts `(n_labels,)`."""
    centre = cells.mean(axis=0, dtype=np.float64).astype(np.float32)
    model = LogisticRegression(C=_STRENGTH, tol=_TOLERANCE, max_iter=200)
    with quiet_regression():
        model.fit(cells - centre, codes)
    weight, intercept = model.coef_, model.intercept_
    if len(weight) == 1:  # two labels: one row, of the second
        weight, intercept = np.vstack([-weight, weight]) / 2, np.r_[-intercept, intercept] / 2
    return weight, intercept - weight @ centre


def _discriminant(cells: torch.Tensor, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(n_labels, n_genes)` and intercepts `(n_labels,)`, as sure as the cells bear out."""
    x = cells.numpy().astype(np.float64)
    means = np.stack([x[codes == k].mean(axis=0) for k in range(codes.max() + 1)])
    variance = ((x - means[codes]) ** 2).mean(axis=0)
    variance += max(float(np.median(variance)), np.finfo(np.float32).eps)
    weight = means / variance
    intercept = -0.5 * (means * weight).sum(axis=1)
    temperature = fit_temperature(x @ weight.T + intercept, codes)
    return weight / temperature, intercept / temperature


def _some(rows: np.ndarray, codes: np.ndarray, *, seed: int) -> np.ndarray:
    """Take cells of all labels, rare ones whole, where there are too many."""
    if len(rows) <= _MOST_CELLS:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    order = np.argsort(codes[shuffled], kind="stable")
    own = codes[shuffled][order]
    rank = np.arange(len(own)) - np.searchsorted(own, own)  # of a cell among those of its label
    counts = np.bincount(codes[rows])
    low, high = 1, int(counts.max())
    while low < high:  # the most cells a label that fit
        most = (low + high + 1) // 2
        fits = np.minimum(counts, most).sum() <= _MOST_CELLS
        low, high = (most, high) if fits else (low, most - 1)
    return np.sort(shuffled[order[rank < low]])


def weigh_paths(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Weigh the logits of several paths by the log-likelihood of cells that none was fitted to.

    Each is brought to its own best temperature first. A cell counts by the inverse root of how many
    its label has, so that common labels do not silence the path that knows rare ones. A prior
    (Dirichlet) keeps a few cells from leaving one of the paths out; without cells all weigh the
    same.

    Parameters
    ----------
    logits
        Of the P paths, `(P, n_obs, n_labels)`.
    codes
        Label codes, `(n_obs,)`.

    Returns
    -------
    Factors of the paths' logits, float64 `(P,)`.
    """
    factors = np.array([1 / fit_temperature(path, codes) for path in logits])
    scaled = factors[:, None, None] * logits
    own = np.arange(len(codes)), codes
    counts = np.bincount(codes)[codes] ** -0.5
    counts *= len(codes) / max(counts.sum(), 1e-9)

    def loss(z: np.ndarray) -> float:
        shares = np.exp(log_softmax(np.r_[z, 0.0]))
        fitted = log_softmax(np.tensordot(shares, scaled, axes=1), axis=1)[own]
        return float(-counts @ fitted - _PRIOR * np.log(shares).sum())

    n = len(factors) - 1
    # scipy's own first simplex around 0 is so narrow that the search would end where it starts.
    simplex = np.vstack([np.zeros(n), np.eye(n)])
    options = {"xatol": 1e-2, "fatol": 1e-3, "initial_simplex": simplex}
    best = minimize(loss, np.zeros(n), method="Nelder-Mead", options=options).x
    return np.exp(log_softmax(np.r_[best, 0.0])) * factors
