"""Write what a model says of a query into its AnnData."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._checks import check_anndata, check_fraction, check_key_added
from cellclass._keys import (
    ANNOTATE,
    CONFUSION,
    CONTRACT_REPORT,
    LABEL_COLORS,
    LABELS,
    MODEL_CARD,
    PARAMS,
    PRIOR_CORRECTION,
    UNASSIGNED,
    colors_key,
    confidence_key,
    novelty_key,
    probability_columns,
    probability_key,
)
from cellclass._own import check_writable
from cellclass.get._label_colors import UNASSIGNED_COLOR
from cellclass.io._mudata_file import MUDATA
from cellclass.tl._annotation import label_column, to_write
from cellclass.tl._label_colors import colors_of_labels
from cellclass.tl._prior_correction import correct_prior

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anndata import AnnData
    from mudata import MuData

    from cellclass.contract import GeneAliases
    from cellclass.model import CellClassifierMLP


def annotate(
    adata: AnnData | MuData | str | PathLike[str],
    model: CellClassifierMLP,
    *,
    out: str | PathLike[str] | None = None,
    reject_rate: float | None = None,
    layer: str | None = None,
    gene_aliases: GeneAliases | None = None,
    prior_correction: bool = False,
    key_added: str = ANNOTATE,
    copy: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
) -> AnnData | None:
    """Label each cell of a query and say how far to trust the label.

    A cell that expresses fewer than 4 genes of the reference (in panels of less than 32, fewer than
    one in eight) is `"unassigned"`. The number and order of the cells, and everything else in the
    AnnData, stay as they are.

    Parameters
    ----------
    adata
        Query on any scale that can be undone, as `cc.pp.identify_scale` says; dense or sparse;
        genes in any order. Or the path of an `.h5ad` or `.zarr` file, of which no more than a few
        thousand cells are in memory at a time; give `out` then. Or a MuData, or the path of an
        `.h5mu` file, which is read into memory: a model that was set up with `setup_mudata` labels
        each cell by the modalities that it has, another one by the RNA (modality `"rna"`). The
        fields below are then those of the MuData itself, not of a modality.
    model
        Trained model.
    out
        Where to write a query that is given by its path: a copy of that file, `.h5ad`, `.zarr` or
        `.h5mu` as it is, with the fields below added; or a `.csv` table of label, confidence and
        novelty p-value of each cell. It has that name only when it is complete. A call that was
        stopped is taken up where it ended by the next call with the same query, model and `out`
        (of an `.h5mu` file, begun anew).
    reject_rate
        Share (0–1) of cells like the training cells that may be `"unassigned"`, so that novel ones
        are: those with a novelty p-value up to it. `None` leaves no other cells out.
    layer
        Where the expression (of a MuData, that of the RNA) stands; `"X"` for `X`. `None`: the layer
        of the reference if the query has it, else `X`.
    gene_aliases
        Old and current names of genes, for those that have been renamed between the annotations
        of reference and query: a mapping, or a data frame with the columns `alias` and `symbol`,
        such as :func:`cellclass.datasets.hgnc_symbols` gives. :func:`cellclass.pp.align_genes`
        says how genes are matched.
    prior_correction
        Whether to estimate the proportions of the labels in this query and let labels and
        probabilities follow them (:func:`cellclass.metrics.estimate_prior_shift`). The answer for a
        cell then depends on the other cells of the query, which it does not otherwise: not for a
        query of a few cells, nor for one with cell types that the reference lacks. It is left out,
        with a warning, where more labels would change than are wrong by the cells' confidence.
    key_added
        Start of the names that are written.
    copy
        Whether to annotate and return a copy.
    overwrite
        Whether `out` may replace a file.
    progress
        Whether to show a progress bar for a file; by default in a terminal, when it takes long.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets the following fields:

    `adata.obs[key_added]` : categorical `(n_obs,)`
        The best label, or `"unassigned"`. Categories are those that occur, in the model's order.
    `adata.obs[f"{key_added}_confidence"]` : float32 `(n_obs,)`
        Calibrated probability of the best label, 0–1; 0 where the label is `"unassigned"`.
    `adata.obs[f"{key_added}_novelty_pvalue"]` : float32 `(n_obs,)`
        Conformal p-value of being like the training cells; small for a novel cell.
    `adata.obsm[f"{key_added}_probability"]` : DataFrame `(n_obs, n_labels)` of float32
        Probability of each label; rows sum to 1. Columns are the labels, with `|` in place of
        `/`, which AnnData files do not allow; `cc.get.predictions_df` has the labels as they are.
    `adata.uns[key_added]` : dict
        `params`, with 0 for a `reject_rate` of `None`; `labels`, all that the model can give, and
        `label_colors`; `contract_report`, which scale and
        genes were found, what was done, the accuracy to expect (`expected_accuracy`, 0–1, and its
        standard error) and the share of cells unlike the training cells (`share_novel`, 0–1);
        `model`, the model card; with `prior_correction`, `prior_correction`: the shares of the
        labels (`training_prior`, `query_prior`, 0–1, float64 `(n_labels,)`), `n_iterations`,
        `converged`, the share of labels that change (`share_changed`, 0–1), and whether that was
        few enough to do it (`applied`).
    `adata.uns[f"{key_added}_colors"]` : list of str
        Colours of the categories for `sc.pl`: those that the labels had in the reference, or, where
        it had none, one for each label of the model; the same in every query.

    Raises
    ------
    NotTrainedError
        The model has not been trained.
    ScaleError, ValuesError, GeneError
        The query cannot be brought to what the model expects; nothing is written.
    ValueError
        Something that is no annotation stands under `key_added`; or `reject_rate` is outside
        (0, 1), or too few cells were held out in training for it; or `out` does not fit the query.
    FileExistsError
        `out` exists and `overwrite` is false, or another process is writing it.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> adata.obs["cellclass"].shape
    (700,)
    """
    if not hasattr(model, "score_cells"):
        raise TypeError(
            f"model is a {type(model).__name__}; a trained model is needed, such as "
            "cc.model.CellClassifierMLP.load(path)."
        )
    if reject_rate is not None:
        check_fraction(reject_rate, "reject_rate")
    entries = partial(
        _entries,
        model=model,
        layer=layer,
        key_added=key_added,
        prior_correction=prior_correction,
        reject_rate=reject_rate,
    )
    if isinstance(adata, str | PathLike):
        if prior_correction or copy or out is None:
            raise ValueError(_for_a_path(adata, prior_correction=prior_correction, copy=copy))
        if Path(adata).suffix == MUDATA:
            from cellclass.tl._annotate_mudata import annotate_mudata_file

            given: dict[str, Any] = {"reject_rate": reject_rate, "layer": layer}
            given |= {"gene_aliases": gene_aliases, "key_added": key_added}
            label = partial(annotate, model=model, **given)
            annotate_mudata_file(adata, out, label, key_added=key_added, overwrite=overwrite)
            return None
        from cellclass.tl._annotate_file import annotate_file

        annotate_file(
            adata,
            model,
            out,
            reject_rate=reject_rate,
            layer=layer,
            gene_aliases=gene_aliases,
            key_added=key_added,
            overwrite=overwrite,
            progress=progress,
            entries=entries,
        )
        return None
    check_anndata(adata, or_mudata=True)
    if out is not None:
        raise ValueError(
            "out is for a query that is given by its path. An AnnData is annotated where it is: "
            "leave out= away, and write it with adata.write_h5ad(path)."
        )
    check_key_added(adata, key_added)
    check_writable(adata, copy=copy)
    scores = model.score_cells(adata, layer=layer, gene_aliases=gene_aliases)
    shift: dict[str, Any] = {}
    if prior_correction:
        scores, shift[PRIOR_CORRECTION] = correct_prior(scores, model.card)
    left_out = scores.unassigned(reject_rate)
    labels = label_column(scores.labels, np.where(left_out, -1, scores.codes))
    probability = pd.DataFrame(
        scores.probability, index=adata.obs_names, columns=probability_columns(scores.labels)
    )
    adata = to_write(adata, copy=copy)
    adata.obs[key_added] = labels
    adata.obs[confidence_key(key_added)] = np.where(left_out, np.float32(0), scores.confidence)
    adata.obs[novelty_key(key_added)] = scores.novelty_pvalue
    adata.obsm[probability_key(key_added)] = probability
    for name, value in entries(scores.report, labels.categories, shift).items():
        adata.uns[name] = value
    return adata if copy else None


def _entries(
    report: Mapping[str, Any],
    present: Iterable[str],
    more: Mapping[str, Any] | None = None,
    *,
    model: CellClassifierMLP,
    layer: str | None,
    key_added: str,
    prior_correction: bool,
    reject_rate: float | None,
) -> dict[str, Any]:
    """Return the entries of `uns`; `present` are the labels that occur."""
    labels = np.asarray(model.labels, dtype=object)
    colors = colors_of_labels(model.labels, model.label_colors)
    about = {
        PARAMS: {
            "layer": layer or "",
            "key_added": key_added,
            PRIOR_CORRECTION: prior_correction,
            "reject_rate": float(reject_rate or 0),
        },
        LABELS: labels,
        LABEL_COLORS: np.asarray(colors, dtype=object),
        CONTRACT_REPORT: dict(report),
        MODEL_CARD: _card(model.card, labels),
        **(more or {}),
    }
    of_label = dict(zip(model.labels, colors, strict=True)) | {UNASSIGNED: UNASSIGNED_COLOR}
    return {key_added: about, colors_key(key_added): [of_label[label] for label in present]}


def _card(card: dict[str, Any], labels: np.ndarray) -> dict[str, Any]:
    """Return the card in types that `.h5ad` files hold."""
    arrays = {"labels": labels}
    if CONFUSION in card:  # models of earlier versions have none
        arrays[CONFUSION] = np.asarray(card[CONFUSION], dtype=np.int64)
    return card | arrays


def _for_a_path(path: str | PathLike[str], *, prior_correction: bool, copy: bool) -> str:
    """Say what a query that is given by its path does not go with."""
    if prior_correction:
        return (
            "prior_correction=True weighs all cells of the query together, which needs them in "
            "memory. Read the file, and pass the AnnData."
        )
    if copy:
        return "copy=True is for an AnnData in memory; a path is always annotated in a copy, `out`."
    return (
        f"adata={str(path)!r} is a path: say where the labelled cells are to be written, "
        f"annotate({str(path)!r}, model, out='labelled{Path(path).suffix}')."
    )
