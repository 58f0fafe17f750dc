"""Compare an annotation with known labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import check_annotated, check_not_empty, check_obs_key
from cellclass._keys import (
    ANNOTATE,
    CONFUSION,
    CONFUSION_PREDICTED,
    CONFUSION_TRUTH,
    PARAMS,
    RELIABILITY,
    REPORT,
    SCORES,
    UNASSIGNED,
    confidence_key,
    evaluation_key,
)
from cellclass._own import check_writable
from cellclass.errors import LabelError
from cellclass.metrics import (
    classification_report_df,
    classification_scores,
    confusion_df,
    expected_calibration_error,
    reliability_curve,
)
from cellclass.tl._annotation import to_write

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


def evaluate(
    adata: AnnData | MuData, labels_key: str, *, key: str = ANNOTATE, copy: bool = False
) -> AnnData | None:
    """Score an annotation against known labels.

    Parameters
    ----------
    adata
        Query that `annotate` has labelled; of a MuData, its own `obs` and `uns` are used.
    labels_key
        Column of `obs` with the true labels. A label that the model does not know counts as
        missed.
    key
        The `key_added` of `annotate`.
    copy
        Whether to score and return a copy.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets `adata.uns[f"{key}_evaluation"]`, a dict with

    `scores` : dict of floats
        `accuracy`, `balanced_accuracy`, `macro_f1` (mean over true labels),
        `expected_calibration_error` (15 bins) and `mean_confidence` of the cells that were given a
        label (NaN if none was): all 0–1; `n_obs`,
        `n_unassigned` (cells).
    `report` : DataFrame
        `precision`, `recall`, `f1` (0–1) and `support` (cells) per true label.
    `confusion`, `confusion_truth`, `confusion_predicted` : arrays
        Cells by true label (rows) and predicted label (columns), and their names.
    `reliability` : DataFrame
        Confidence and accuracy in 15 bins.
    `params` : dict
        `labels_key`, `key`.

    Raises
    ------
    KeyError
        `labels_key` does not exist, or `annotate` has not written `key`.
    LabelError
        A cell has no true label, or none of the annotation.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> cc.tl.evaluate(adata, "cell_type")
    >>> cc.get.evaluation_df(adata).shape
    (10, 4)
    """
    check_not_empty(adata, or_mudata=True)
    check_obs_key(adata, labels_key, "labels_key")
    check_annotated(adata, key)
    check_writable(adata, copy=copy)
    if labels_key == key:
        raise ValueError(
            f"labels_key={labels_key!r} is the annotation itself, which would agree with itself. "
            "Name the column of obs with the true labels."
        )
    missing = adata.obs[labels_key].isna() | (adata.obs[labels_key].astype(str).str.strip() == "")
    if missing.any():
        raise LabelError(
            f"obs[{labels_key!r}] has no label for {int(missing.sum())} of {adata.n_obs} cells. "
            f"Score the others: adata[adata.obs[{labels_key!r}].notna() & "
            f"(adata.obs[{labels_key!r}] != '')].copy()."
        )
    truth = adata.obs[labels_key].astype(str).to_numpy(dtype=str)
    predicted = adata.obs[key].astype(str).to_numpy(dtype=str)
    confidence = adata.obs[confidence_key(key)].to_numpy(dtype=np.float64)
    correct = truth == predicted
    confusion = confusion_df(truth, predicted)
    scores = classification_scores(truth, predicted)
    given = predicted != UNASSIGNED  # the others have no confidence
    confidence, right = confidence[given], correct[given]
    scores["expected_calibration_error"] = expected_calibration_error(confidence, right)
    scores["mean_confidence"] = float(confidence.mean()) if given.any() else float("nan")
    evaluation = {
        PARAMS: {"labels_key": labels_key, "key": key},
        SCORES: scores
        | {"n_obs": adata.n_obs, "n_unassigned": int((predicted == UNASSIGNED).sum())},
        REPORT: classification_report_df(truth, predicted),
        CONFUSION: confusion.to_numpy(),
        CONFUSION_TRUTH: confusion.index.to_numpy(dtype=object),
        CONFUSION_PREDICTED: confusion.columns.to_numpy(dtype=object),
        RELIABILITY: reliability_curve(confidence, right),
    }
    adata = to_write(adata, copy=copy)
    adata.uns[evaluation_key(key)] = evaluation
    return adata if copy else None
