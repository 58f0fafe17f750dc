"""Logistic regression, tuned: the baseline to beat, so as strong as it can be made cheaply.

L2, lbfgs, at most 300 iterations. C is chosen by the log loss on a fifth of the training cells (of
at most 2,500 of them; 100 iterations, each C from the solution of the one before), from 10, 1, 0.1
and 0.01 downwards until it gets worse. Where the matrix is small enough to be made dense (at most
2,000 genes), the same loss also chooses between log1p and the same z-scored and cut at 10 (C from 1
to 0.001); on panels of fewer than 2,000 genes also between CP10k and the median depth of the
training cells, because CP10k breaks on panels of tens of genes.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from _tasks import Fold, log1p_normalized
from scipy.linalg import cholesky, solve_triangular
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

if TYPE_CHECKING:
    import scipy.sparse as sp

#: Where z-scores are cut.
CEILING = 10.0
_DENSE_UP_TO = 2000
_TUNED_ON = 2500
_FEW = 2200


def inner_split(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of cells to tune on: four fifths to fit, a fifth of each label to judge."""
    rng = np.random.default_rng(0)
    validation = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        cells = rng.permutation(np.flatnonzero(y == label))
        validation[cells[: min(int(len(cells) * 0.2 + rng.random()), len(cells) - 1)]] = True
    looked_at = np.zeros(len(y), dtype=bool)
    looked_at[rng.permutation(len(y))[:_TUNED_ON]] = True
    return np.flatnonzero(~validation & looked_at), np.flatnonzero(validation & looked_at)


def tuned_logistic_regression(fold: Fold, genes: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Probabilities of the test cells, the labels they are of, and what was chosen."""
    y = fold.y_train
    train, validation = inner_split(y)
    losses = {}
    for kind in _input_kinds(fold, genes):
        if kind[0] == "median depth" and kind[1] != min(losses, key=losses.get)[0][1]:
            continue  # the worse scaling is not tried again
        X, judged = _lr_input(fold, genes, kind, train, validation)
        best, model = np.inf, LogisticRegression(max_iter=100, warm_start=True)
        for C in (1.0, 0.1, 0.01, 0.001) if kind[1] == "z-scored" else (10.0, 1.0, 0.1, 0.01):
            model.set_params(C=C).fit(X, y[train])
            known = np.isin(y[validation], model.classes_)
            probability = model.predict_proba(judged[known])
            loss = log_loss(y[validation][known], probability, labels=model.classes_)
            losses[kind, C] = loss
            if loss > best:
                break
            best = loss
    kind, C = min(losses, key=losses.get)
    X, query = _lr_input(fold, genes, kind, np.arange(len(y)))
    model = LogisticRegression(C=C, max_iter=300).fit(X, y)
    chosen = f"{kind[0]}, {kind[1]}, C={C}"
    return model.predict_proba(query), model.classes_, chosen


def _input_kinds(fold: Fold, genes: np.ndarray) -> list[tuple[str, str]]:
    if len(genes) > _DENSE_UP_TO:
        return [("CP10k", "log1p")]
    depths = ("CP10k", "median depth") if len(fold.genes) < _DENSE_UP_TO else ("CP10k",)
    return list(product(depths, ("log1p", "z-scored")))


def _lr_input(fold: Fold, genes, kind: tuple[str, str], fitted, judged=None):
    """Input of the training cells to fit, and of others, or of the query, to judge.

    What is learned (depth, mean, deviation, axes) is learned from the cells to fit alone.
    """
    X = fold.train[fitted]
    query = fold.query if judged is None else fold.train[judged]
    if kind[0] == "median depth":
        counts = fold.counts_train[fitted]
        depth = float(np.median(np.asarray(counts.sum(axis=1))))
        X = log1p_normalized(counts, depth)
        others = fold.counts_test if judged is None else fold.counts_train[judged]
        query = log1p_normalized(others, depth)
    if len(genes) > _DENSE_UP_TO:
        few = X.shape[0] <= _FEW and 2 * X.shape[0] < X.shape[1]
        return _axes_of_cells(X, query) if few else (X, query)
    X, query = X[:, genes].toarray(), query[:, genes].toarray()
    if kind[1] == "z-scored":
        mean, scale = X.mean(axis=0), X.std(axis=0)
        scale[scale == 0] = 1
        X, query = (np.minimum((Z - mean) / scale, CEILING) for Z in (X, query))
    return X, query


def _axes_of_cells(X: sp.csr_matrix, query: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """The same cells on as many axes as there are training cells, inner products as they are.

    Weights of an L2 regression lie in the span of the training cells, so with fewer cells than
    genes the fit on these axes is the one on all genes, and quicker.
    """
    cells = X.toarray()
    products = (cells @ cells.T).astype(np.float64)
    products_query = (query.toarray() @ cells.T).astype(np.float64)
    jitter = 1e-6 * np.trace(products) / len(products)  # for cells that are equal, or empty
    lower = cholesky(products + jitter * np.eye(len(products)), lower=True)
    axes = solve_triangular(lower, products_query.T, lower=True).T
    return lower.astype(np.float32), np.ascontiguousarray(axes, dtype=np.float32)
