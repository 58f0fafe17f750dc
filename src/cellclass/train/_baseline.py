"""The baseline that every model is held against: one tuned logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cellclass.pp._hold_out import hold_out
from cellclass.train._quiet import quiet_regression

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# From strong to weak regularisation.
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_WITHOUT_A_CHOICE = 0.1
_MOST_ITERATIONS = 300
# More cells than this do not change the choice, and are used for the last fit only.
_MOST_CELLS_TO_CHOOSE = 8000
_HELD_OUT = 0.2
# With fewer cells than this, one split decides by chance, and three cost little.
_FEW_CELLS, _SPLITS_OF_FEW = 3000, 3
# A worse loss than the best by this much (nats per cell) ends a path: it falls, then it rises.
_WORSE = 1e-3


def fit_logistic_regression(
    X: np.ndarray | sp.csr_matrix,
    labels: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Pipeline:
    """Fit a logistic regression, with strength and scaling chosen on held-out training cells.

    Tried are C = 0.001, 0.01, 0.1, 1 and 10, each on genes as they are and on z-scored genes, on
    four fifths of the cells; the setting with the lowest log loss on the last fifth is fitted to
    all cells. Each fit starts from the weights of the one before, and a path ends when the loss
    rises.

    Parameters
    ----------
    X
        Log-normalised expression of the training cells, `(n_obs, n_genes)`: dense, or CSR, which
        stays sparse (its genes are scaled but not centred, which the intercept makes up for).
    labels
        Their labels or codes, `(n_obs,)`.
    groups
        Donors or batches, `(n_obs,)`: the held-out cells are then whole groups, where there are
        at least three. By default each label gives its share.
    seed
        Of what is held out.

    Returns
    -------
    A fitted scikit-learn pipeline with `predict`, `predict_proba` and `classes_`; its last step has
    the `C` that was chosen, its first one `with_std`.
    """
    codes = np.unique(labels, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    with quiet_regression():  # weak regularisation on separable labels never converges
        C, scaled = _choose(X, codes, groups, rng)
        return _pipeline(X, C, scaled=scaled).fit(X, labels)


def _choose(
    X: np.ndarray | sp.csr_matrix,
    codes: np.ndarray,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[float, bool]:
    """Return the strength, and whether genes are z-scored, with the lowest log loss."""
    n_splits = 1 if len(codes) > _FEW_CELLS else _SPLITS_OF_FEW
    splits = [_inner_split(codes, groups, rng) for _ in range(n_splits)]
    splits = [(train, validation) for train, validation in splits if len(validation)]
    best, lowest = (_WITHOUT_A_CHOICE, False), np.inf
    for scaled in (False, True) if splits else ():
        paths, lowest_here = [_pipeline(X, 1.0, scaled=scaled) for _ in splits], np.inf
        for C in _STRENGTHS:
            losses = []
            for path, (train, validation) in zip(paths, splits, strict=True):
                path[-1].C = C
                path.fit(X[train], codes[train])
                losses.append(_log_loss(path, X[validation], codes[validation]))
            loss = float(np.mean(losses))
            if loss < lowest:
                best, lowest = (C, scaled), loss
            if loss > lowest_here + _WORSE:
                break
            lowest_here = min(loss, lowest_here)
    return best


def _inner_split(
    codes: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Positions to try settings on and to judge them with; the second are of known labels."""
    n = len(codes)
    cells = np.arange(n)
    if n > _MOST_CELLS_TO_CHOOSE:
        cells = hold_out(codes, held_out=1 - _MOST_CELLS_TO_CHOOSE / n, seed=rng)[0]
    if groups is not None:
        held_out = _whole_groups(groups, rng)[cells]
        train, validation = cells[~held_out], cells[held_out]
        validation = validation[np.isin(codes[validation], codes[train])]
        if len(validation) and len(np.unique(codes[train])) > 1:
            return train, validation
    train, validation = hold_out(codes[cells], held_out=_HELD_OUT, seed=rng)
    return cells[train], cells[validation]


def _whole_groups(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cells of about a fifth in whole groups, bool `(n_obs,)`; none with fewer than 3 groups."""
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    aside = np.zeros(len(names), dtype=bool)
    for name in rng.permutation(len(names)) if len(names) > 2 else ():
        if not aside.any() or sizes[aside].sum() + sizes[name] / 2 < _HELD_OUT * len(group):
            aside[name] = True
    return aside[group]


def _pipeline(X: np.ndarray | sp.csr_matrix, C: float, *, scaled: bool) -> Pipeline:
    # Centring changes nothing but the number of steps: the intercept is free.
    scaler = StandardScaler(with_mean=not sp.issparse(X), with_std=scaled)
    fitted = LogisticRegression(C=C, max_iter=_MOST_ITERATIONS, tol=1e-3, warm_start=True)
    return make_pipeline(scaler, fitted)


def _log_loss(fitted: Pipeline, X: np.ndarray | sp.csr_matrix, codes: np.ndarray) -> float:
    probability = fitted.predict_proba(X)
    own = probability[np.arange(len(codes)), np.searchsorted(fitted.classes_, codes)]
    return float(-np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean())
