"""Compare the proportions of labels between samples, conditions and a reference tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction, listed, near
from cellclass._keys import (
    ANNOTATE,
    CELLS,
    CONDITIONS,
    CONFUSION,
    DIFFERENCES,
    DISTANCES,
    LABELS,
    PARAMS,
    SAMPLES,
    TISSUE,
    UNASSIGNED,
    composition_key,
)
from cellclass._own import check_writable
from cellclass._warn import warn
from cellclass.tl._annotation import check_added, read_annotation, to_write
from cellclass.tl._composition_confusion import (
    check_as_annotated,
    check_rows,
    part_of_model,
    read_confusion,
)
from cellclass.tl._composition_samples import Merging, count_samples
from cellclass.tl._composition_tables import Composition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from cellclass.tl._composition_samples import Samples
    from cellclass.tl._cross_validation import CrossValidation

_CALL = "cc.tl.compare_composition"
_FEWEST_DRAWS = 200


def compare_composition(
    adata: AnnData,
    sample_key: str,
    condition_key: str | None = None,
    *,
    reference: str | Mapping[str, float] | pd.Series | None = None,
    key: str = ANNOTATE,
    correct: bool = True,
    confusion: CrossValidation | pd.DataFrame | None = None,
    merge: Mapping[str, str] | None = None,
    unassigned: Literal["exclude", "keep"] = "exclude",
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: int | np.random.Generator = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Compare the proportions of labels between conditions, such as protocols, and to a tissue.

    The labels of each sample are counted and corrected for the cells that the model takes for
    another label, with the confusion matrix of cells that it was not trained on
    (:func:`cellclass.metrics.correct_proportions`). The proportions of a condition are the mean
    over its samples, whatever the number of their cells: samples are what is replicated, not cells.

    **Intervals.** Cells of the confusion matrix are drawn again (Dirichlet), and so are the samples
    of a condition, by a multiplier bootstrap with the scale of Student's t, which holds what it
    promises also with few samples; an interval is never narrower than what drawing the cells of the
    samples again leaves open. With a single sample the cells are all that can be drawn, and the
    interval is one of that sample, not of the condition.

    **Tests.** Welch's t test for each label and pair of conditions, on the corrected proportions of
    the samples. Where one condition has a single sample, samples of both are taken to differ alike
    (Student). Where both have, cells are permuted: this tells whether these two samples differ, not
    whether the conditions do; the column `test` says ``"cells"`` then, and there is a warning.
    p-values are adjusted for all labels and pairs together (Benjamini–Hochberg).

    **Distance.** The Jensen–Shannon distance of each condition to the reference, 0 for the same
    proportions and 1 for no label in common. Noise makes any two compositions look different; what
    it adds is estimated by drawing again, and taken off.

    Parameters
    ----------
    adata
        Cells of all samples, `(n_obs, n_vars)`, that `cc.tl.annotate` has labelled, with one model.
        Only `obs`, `obsm` and `uns` are read.
    sample_key
        Column of `obs` with the sample: an organoid, a donor, a run, whatever was replicated.
    condition_key
        Column of `obs` with what is compared, such as the protocol; the same for all cells of a
        sample. `None`: each sample is a condition of its own.
    reference
        What the distance is measured to: the name of a condition; or cells of each label, such as
        ``reference.obs["cell_type"].value_counts()``, which are drawn again, too; or shares that
        sum to 1, which are taken as exact. `None` for no distances.
    key
        The `key_added` of `annotate`.
    correct
        Whether to correct; otherwise labels are counted as they are.
    confusion
        Answers to cells that the model was not trained on, in place of those that it keeps of its
        held-out cells: a `CrossValidation`, whose `groups_key` tells how the model does with new
        donors; or a data frame of cells by true label (rows) and predicted label (columns).
    merge
        Labels to count together, with the name of the whole: ``{"CD4 naive": "CD4", "CD4 memory":
        "CD4"}``, for labels that the model cannot tell apart.
    unassigned
        What to do with `"unassigned"` cells. ``"exclude"``: proportions are those of the cells with
        a label. ``"keep"``: they are counted as a label of their own, which is not corrected and
        which a reference given as numbers has none of.
    confidence_level
        Of the intervals, (0, 1).
    n_resamples
        How often to draw.
    rng
        Seed, or a generator, which is advanced.
    key_added
        Entry of `uns`; `None` for ``f"{key}_composition"``.
    copy
        Whether to write to a copy and return it.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets `adata.uns[key_added]`, a dict of data frames, which
    `cc.get.composition_df` returns, in long form. Proportions and intervals are 0–1, float64:

    `samples`
        For each `sample` (with its `condition`) and `label`: `n_cells` with that label, their share
        before correction (`raw`), `proportion`, `lower`, `upper`.
    `conditions`
        For each `condition` and `label`: `n_samples`, `raw`, `proportion`, `lower`, `upper`.
    `differences`
        For each pair of conditions and `label`: the proportion in `condition` minus that in `other`
        (`difference`), `lower`, `upper`, `pval`, `pval_adj` (NaN for a label that neither has), and
        what the p-value rests on (`test`): ``"samples"``, ``"samples of one condition"``, or
        ``"cells"``.
    `distances`
        With `reference`, for each other `condition`: `n_samples`, `js_distance`, `lower`, `upper`
        (0–1), the distance with what noise adds (`uncorrected`), and the share of draws in which
        this condition is the closest one (`share_closest`, 0–1).
    `cells`
        For each `sample` (with its `condition`): `n_cells`, `n_unassigned`.
    `tissue`
        With a reference given as numbers, for each `label`: its `share`, 0–1.
    `params`, `labels`, `confusion`
        What was asked for, the labels, and the cells by true and predicted label, int64
        `(n_labels, n_labels)`, that were corrected with (all 0 without).

    Raises
    ------
    KeyError
        A column does not exist, there is no annotation under `key`, its model is of a version
        without a confusion matrix, or `reference` is no condition.
    LabelError
        A label has no held-out cells, two labels cannot be told apart, or a label is unknown.
    ValueError
        A cell has no sample or condition, a sample has several conditions or no labelled cell, the
        labels are not the model's own answer, or an argument is out of range; nothing is written.

    Warns
    -----
    UserWarning
        A condition has a single sample, a sample has few cells, labels are hard to tell apart, or
        the query lacks many of the model's genes.

    Examples
    --------
    >>> import cellclass as cc
    >>> cells = cc.datasets.simulate_counts(900, n_batches=6)
    >>> cells.obs["protocol"] = ["AB"[batch > "batch_2"] for batch in cells.obs["batch"]]
    >>> reference, adata = cells[:300].copy(), cells[300:].copy()
    >>> cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    >>> model = cc.model.CellClassifierMLP(reference)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> tissue = reference.obs["cell_type"].value_counts()
    >>> cc.tl.compare_composition(adata, "batch", "protocol", reference=tissue)
    >>> cc.get.composition_df(adata, table="distances")["condition"].tolist()
    ['A', 'B']
    """
    annotation = read_annotation(adata, key)
    key_added = composition_key(key) if key_added is None else key_added
    check_added(adata, key_added, (), _CALL)
    _check_arguments(confidence_level, n_resamples, unassigned, confusion, correct=correct)
    check_writable(adata, copy=copy)
    merging = Merging(annotation.labels, merge)
    samples = count_samples(
        adata,
        annotation,
        merging,
        sample_key=sample_key,
        condition_key=condition_key,
        keep_unassigned=unassigned == "keep",
    )
    target = _target(reference, samples, merging)
    cells = None
    if correct:
        check_as_annotated(adata, annotation, key)
        cells = merging.summed(read_confusion(adata, annotation, key, confusion))
        check_rows(cells, samples.counts, merging)
    _warn_of_single_samples(samples)
    found = Composition(
        samples, cells, level=confidence_level, n=n_resamples, rng=np.random.default_rng(rng)
    )
    tables: dict[str, Any] = {
        SAMPLES: found.sample_table(),
        CONDITIONS: found.condition_table(),
        DIFFERENCES: found.difference_table(),
        CELLS: _cells(samples),
    }
    if target is not None:
        tables[DISTANCES] = found.distance_table(target)
    if isinstance(target, tuple):
        tables[TISSUE] = found.tissue_table(target[0])
    params = {
        "function": _CALL,
        "key": key,
        "sample_key": sample_key,
        "condition_key": condition_key or "",
        "reference": reference if isinstance(reference, str) else "",
        "correct": correct,
        UNASSIGNED: unassigned,
        "confidence_level": float(confidence_level),
        "n_resamples": int(n_resamples),
    }
    adata = to_write(adata, copy=copy)
    adata.uns[key_added] = {
        PARAMS: params,
        LABELS: np.asarray(samples.labels, dtype=object),
        CONFUSION: np.zeros((len(merging.labels),) * 2, np.int64) if cells is None else cells,
        **tables,
    }
    return adata if copy else None


def _target(
    reference: str | Mapping[str, float] | pd.Series | None, samples: Samples, merging: Merging
) -> int | tuple[np.ndarray, bool] | None:
    if reference is None:
        return None
    if not isinstance(reference, str):
        return part_of_model(reference, merging)
    if reference not in samples.conditions:
        raise KeyError(
            f"reference={reference!r} is no condition. Conditions: "
            f"{near(reference, samples.conditions)}. A tissue that is not among the samples is "
            "given as cells or shares by label: reference=tissue.obs['cell_type'].value_counts()."
        )
    if len(samples.conditions) == 1:
        raise ValueError(
            f"reference={reference!r} is the only condition: there is none to compare with it."
        )
    return samples.conditions.index(reference)


def _cells(samples: Samples) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": pd.Categorical(samples.names, categories=samples.names),
            "condition": pd.Categorical.from_codes(samples.condition, samples.conditions),
            "n_cells": samples.n_cells,
            "n_unassigned": samples.n_unassigned,
        },
        index=pd.RangeIndex(len(samples.names)).astype(str),
    )


def _warn_of_single_samples(samples: Samples) -> None:
    single = [name for i, name in enumerate(samples.conditions) if len(samples.of(i)) == 1]
    if not single:
        return
    warn(
        f"{len(single)} of {len(samples.conditions)} conditions have a single sample: "
        f"{listed(map(repr, single))}. "
        "Their intervals say what other cells of the same sample would have changed, not how "
        "samples of the condition differ; and p-values between two of them say whether these two "
        "samples differ, not whether the conditions do. Only more samples tell that.",
    )


def _check_arguments(
    confidence_level: float, n_resamples: int, unassigned: str, confusion: object, *, correct: bool
) -> None:
    check_fraction(confidence_level, "confidence_level")
    if not isinstance(n_resamples, int | np.integer) or n_resamples < _FEWEST_DRAWS:
        raise ValueError(
            f"n_resamples={n_resamples!r}; a whole number from {_FEWEST_DRAWS} on is needed."
        )
    if unassigned not in ("exclude", "keep"):
        raise ValueError(f"unassigned={unassigned!r}; it is 'exclude' or 'keep'.")
    if confusion is not None and not correct:
        raise ValueError("confusion is what to correct with, and correct=False. Leave one out.")
