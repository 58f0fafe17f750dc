"""The baseline that every model is held against: a tuned logistic regression."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)


def fit_logistic_regression(X: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> Pipeline:
    """Fit a logistic regression on standardised genes, its strength chosen by cross-validation.

    Parameters
    ----------
    X
        Log-normalised expression of the training cells, `(n_obs, n_genes)`.
    labels
        Their labels, `(n_obs,)`.
    seed
        Of the folds.

    Returns
    -------
    A fitted scikit-learn pipeline with `predict` and `predict_proba`.
    """
    n_folds = int(np.clip(np.unique(labels, return_counts=True)[1].min(), 2, 3))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        {"logisticregression__C": _STRENGTHS},
        scoring=_log_likelihood,
        cv=StratifiedKFold(n_folds, shuffle=True, random_state=seed),
    )
    # One thread: on busy cores the threads of BLAS wait for each other.
    with warnings.catch_warnings(), threadpool_limits(1):
        # Weak regularisation on separable labels never converges; the search judges it as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # The scores below know what to do with a label that has a single cell.
        warnings.filterwarnings("ignore", message="The least populated class")
        return search.fit(X, labels).best_estimator_


def _log_likelihood(fitted: Pipeline, X: np.ndarray, labels: np.ndarray) -> float:
    """Mean log-likelihood of held-out cells; the same for labels that the fold did not train on."""
    probability = fitted.predict_proba(X)
    column = np.minimum(np.searchsorted(fitted.classes_, labels), len(fitted.classes_) - 1)
    own = probability[np.arange(len(labels)), column]
    own = np.where(fitted.classes_[column] == labels, own, 0.0)
    return float(np.log(np.maximum(own, np.finfo(np.float64).eps)).mean())
