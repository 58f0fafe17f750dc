"""The classifiers that cellclass is compared with, each a function from a fold to an answer.

Whatever an arm selects, scales or tunes, it does on the training cells of the fold. Input is log1p
CP10k, for logistic regression also what `_logistic.py` tries. Everything runs on one thread.
"""

from __future__ import annotations

import sys
import time
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import scanpy as sc
import scipy.sparse as sp
from _answers import Answer
from _logistic import CEILING, inner_split, tuned_logistic_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

import cellclass as cc

if TYPE_CHECKING:
    from _tasks import Fold

MLP = "MLP"
N_GENES = 1000
_MANY = 5000
_MANY_FOR_SINGLER = 3500
_SEEN_IN = 3


def mlp(fold: Fold) -> Answer:
    """`CellClassifierMLP` with its default arguments, on all genes it is given."""
    reference = fold.reference()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    probability = model.predict(fold.query_adata(), soft=True)
    return _by_probability(probability.to_numpy(), np.array(model.labels))


def lr_all(fold: Fold) -> Answer:
    """Tuned LR on all genes."""
    return _logistic_regression(fold, np.arange(len(fold.genes)))


def lr_js(fold: Fold) -> Answer:
    """Tuned LR on the 1,000 genes of largest Jensen–Shannon divergence."""
    return _logistic_regression(fold, fold.top_genes(N_GENES))


def lr_hvg(fold: Fold) -> Answer:
    """Tuned LR on 1,000 highly variable genes (scanpy, flavour of Seurat, seen in 3 cells)."""
    return _logistic_regression(fold, _variable_genes(fold, N_GENES))


def svm(fold: Fold) -> Answer:
    """Linear SVM on all genes; C from 0.0001 to 0.1 upwards until accuracy gets worse.

    The accuracy is that on a fifth of the training cells.
    """
    train, validation = inner_split(fold.y_train)
    X, y = fold.train, fold.y_train
    scores = {}
    for C in (0.0001, 0.001, 0.01, 0.1):
        right = _svc(C).fit(X[train], y[train]).predict(X[validation]) == y[validation]
        if scores and right.mean() < max(scores.values()):
            break
        scores[C] = right.mean()
    C = max(scores, key=scores.get)
    model = _svc(C).fit(X, y)
    return _by_decision(model.decision_function(fold.query), model.classes_, f"C={C}")


def knn(fold: Fold) -> Answer:
    """k nearest neighbours (5, 15 or 30) in 50 principal components of 2,000 variable genes."""
    genes = _variable_genes(fold, 2000)
    X, query = fold.train[:, genes].toarray(), fold.query[:, genes].toarray()
    pca = PCA(min(50, min(X.shape) - 1), svd_solver="covariance_eigh", random_state=0).fit(X)
    X, query, y = pca.transform(X), pca.transform(query), fold.y_train
    train, validation = inner_split(y)
    scores = {
        k: np.mean(_neighbours(k, X[train], y[train]).predict(X[validation]) == y[validation])
        for k in (5, 15, 30)
    }
    k = max(scores, key=scores.get)
    model = _neighbours(k, X, y)
    return _by_probability(model.predict_proba(query), model.classes_, f"k={k}")


def celltypist(fold: Fold) -> Answer:
    """`celltypist.train` with its default arguments, on all genes.

    It asks scikit-learn for `multi_class="ovr"`, which is no more since 1.8, so it is given a
    logistic regression that still does that. Probabilities are its own: sigmoids, one for each
    label, that do not sum to 1.
    """
    import celltypist as package

    with mock.patch.object(
        sys.modules[package.train.__module__], "LogisticRegression", _OneVersusRest
    ):
        return _celltypist(fold, package)


def celltypist_sgd(fold: Fold) -> Answer:
    """`celltypist.train` with `use_SGD=True`, its other arguments as they are: slower and worse."""
    import celltypist as package

    return _celltypist(fold, package, use_SGD=True, random_state=0)


def _celltypist(fold: Fold, package, **arguments) -> Answer:
    package.logger.set_level(40)
    model = package.train(fold.train, fold.y_train, genes=fold.genes, **arguments)
    genes = np.flatnonzero(np.isin(fold.genes, model.classifier.features))
    query = (fold.query[:, genes].toarray() - model.scaler.mean_) / model.scaler.scale_
    _, probability, _ = model.predict_labels_and_prob(np.minimum(query, CEILING))
    return _by_probability(probability, model.classifier.classes_)


class _OneVersusRest(LogisticRegression):
    """One binary logistic regression for each label, as `multi_class="ovr"` was."""

    def __init__(self, C=1.0, solver="lbfgs", max_iter=100, multi_class="ovr", n_jobs=None):
        super().__init__(C=C, solver=solver, max_iter=max_iter)
        self.multi_class, self.n_jobs = multi_class, n_jobs

    def fit(self, X, y):
        labels = np.unique(y)
        positive = labels if len(labels) > 2 else labels[1:]
        fits = [
            LogisticRegression(C=self.C, solver=self.solver, max_iter=self.max_iter).fit(X, y == x)
            for x in positive
        ]
        self.classes_ = labels
        self.coef_ = np.vstack([fit.coef_ for fit in fits])
        self.intercept_ = np.concatenate([fit.intercept_ for fit in fits])
        self.n_features_in_ = X.shape[1]
        return self


def singler(fold: Fold) -> Answer:
    """`singler.annotate_single` with markers by AUC, as SingleR advises for single cells.

    References of more than 3,500 cells are aggregated, which is its own advice for speed. Scores
    before fine-tuning are kept; the labels are those after it.
    """
    import singler as package

    many = len(fold.y_train) > _MANY_FOR_SINGLER
    reference = sp.csc_matrix(fold.train.T, dtype=np.float64)
    found = package.annotate_single(
        test_data=sp.csc_matrix(fold.query.T),
        test_features=list(fold.genes),
        ref_data=reference.toarray(order="F") if many else reference,  # it aggregates no sparse one
        ref_labels=list(fold.y_train),
        ref_features=list(fold.genes),
        train_args={"marker_method": "auc", "aggregate": many},
        num_threads=1,
    )
    scores = found.column("scores")
    labels = np.array(scores.get_column_names(), dtype=str)
    matrix = np.column_stack([scores.column(label) for label in labels])
    predicted = np.array(found.column("best"), dtype=str)
    return Answer(labels, matrix, predicted, 0.0, is_probability=False)


def random_forest(fold: Fold) -> Answer:
    """100 trees on the 1,000 genes of largest Jensen–Shannon divergence.

    Above 5,000 training cells each tree is grown on half as many draws as there are cells.
    """
    X, query = _top_dense(fold, N_GENES)
    drawn = 0.5 if len(X) > _MANY else None
    model = RandomForestClassifier(100, max_samples=drawn, n_jobs=1, random_state=0)
    model.fit(X, fold.y_train)
    return _by_probability(model.predict_proba(query), model.classes_)


def lightgbm(fold: Fold) -> Answer:
    """100 rounds of 15 leaves on the 1,000 genes of largest divergence, 30% of them for each tree.

    With no `reg_lambda` it diverges where labels are rare (mouse_embryo_seqfish: accuracy 0.37).
    Above 5,000 training cells each tree is grown on half of the cells.
    """
    from lightgbm import LGBMClassifier

    X, query = _top_dense(fold, N_GENES)
    model = LGBMClassifier(
        n_estimators=100,
        num_leaves=15,
        colsample_bytree=0.3,
        subsample=0.5 if len(X) > _MANY else 1.0,
        subsample_freq=1,
        min_child_samples=5,
        reg_lambda=1.0,
        max_bin=63,
        force_col_wise=True,
        n_jobs=1,
        random_state=0,
        verbose=-1,
    )
    labels, codes = np.unique(fold.y_train, return_inverse=True)
    probability = model.fit(X, codes).booster_.predict(query, num_threads=1)
    if probability.ndim == 1:
        probability = np.column_stack([1 - probability, probability])
    return _by_probability(probability, labels)


#: Peers in the order in which they are fitted: name, function, package that it needs.
PEERS = {
    "LR all genes": (lr_all, None),
    "LR JS genes": (lr_js, None),
    "LR HVG": (lr_hvg, None),
    "SVM": (svm, None),
    "kNN": (knn, None),
    "CellTypist": (celltypist, "celltypist"),
    "SingleR": (singler, "singler"),
    "random forest": (random_forest, None),
    "LightGBM": (lightgbm, "lightgbm"),
}
#: All arms; those that are no peers run only when `--arms` names them.
ARMS = {**PEERS, "CellTypist SGD": (celltypist_sgd, "celltypist"), MLP: (mlp, None)}
LOGISTIC = ("LR all genes", "LR JS genes", "LR HVG")


def missing_package(arm: str) -> str | None:
    """The package that an arm needs and that is not installed."""
    package = ARMS[arm][1]
    return package if package is not None and find_spec(package) is None else None


def answer(arm: str, fold: Fold) -> Answer:
    """Fit an arm on the training cells of a fold and name its test cells."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged, few cells of a label: known here
        found = ARMS[arm][0](fold)
    found.seconds = time.perf_counter() - start
    return found


def _by_probability(matrix: np.ndarray, labels: np.ndarray, chosen: str = "") -> Answer:
    return Answer(labels, matrix, labels[matrix.argmax(axis=1)], 0.0, chosen=chosen)


def _logistic_regression(fold: Fold, genes: np.ndarray) -> Answer:
    return _by_probability(*tuned_logistic_regression(fold, genes))


def _by_decision(matrix: np.ndarray, labels: np.ndarray, chosen: str) -> Answer:
    if matrix.ndim == 1:
        matrix = np.column_stack([-matrix, matrix])
    predicted = labels[matrix.argmax(axis=1)]
    return Answer(labels, matrix, predicted, 0.0, is_probability=False, chosen=chosen)


def _variable_genes(fold: Fold, n_genes: int) -> np.ndarray:
    if len(fold.genes) <= n_genes:
        return np.arange(len(fold.genes))
    adata = fold.reference()
    adata.X = fold.train.copy()
    adata.uns["log1p"] = {"base": None}
    seen = np.flatnonzero(adata.X.getnnz(axis=0) >= _SEEN_IN)
    adata = adata[:, seen].copy()
    n_genes = min(n_genes, len(seen))
    sc.pp.highly_variable_genes(adata, n_top_genes=n_genes, flavor="seurat")
    return seen[adata.var["highly_variable"]]


def _top_dense(fold: Fold, n_genes: int) -> tuple[np.ndarray, np.ndarray]:
    genes = fold.top_genes(n_genes)
    return fold.train[:, genes].toarray(), fold.query[:, genes].toarray()


def _svc(C: float) -> LinearSVC:
    return LinearSVC(C=C, random_state=0)


def _neighbours(k: int, X: np.ndarray, y: np.ndarray) -> KNeighborsClassifier:
    return KNeighborsClassifier(min(k, len(y))).fit(X, y)
