"""Say less where a finer label would be a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction, near
from cellclass._keys import (
    ANNOTATE,
    LABELS,
    LEVELS,
    PARAMS,
    colors_key,
    confidence_key,
    depth_key,
    probability_columns,
    rolled_up_key,
)
from cellclass.errors import LabelError
from cellclass.pp._hierarchy import read_hierarchy
from cellclass.tl._annotation import check_added, label_column, read_annotation, to_write
from cellclass.tl._common_label import CommonLabels

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.pp._hierarchy import HierarchySource

_CALL = "cc.tl.roll_up_labels"
_COVERAGE = 0.9


def roll_up_labels(
    adata: AnnData,
    hierarchy: HierarchySource,
    *,
    key: str = ANNOTATE,
    sets: pd.DataFrame | str | None = None,
    coverage: float | None = None,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Give each cell the finest label that it can be sure of, out of a hierarchy of labels.

    A cell that may be a CD4 or a CD8 T cell becomes a T cell. There are two ways to say what a cell
    may be:

    - `sets` from ``model.predict_sets(adata)``: the label is the lowest one that all labels of the
      cell's set have in common, so that it is right at least as often as the sets are;
    - without them, the lowest label whose probability, summed over the labels below it, is at least
      `coverage`. This is never coarser than what the smallest set of labels with that sum has in
      common. It is right as often as the probabilities are.

    A label may be a kind of several others, as in the Cell Ontology. Of several lowest ones the one
    that stands for fewest labels of the model is taken, then the likeliest.

    Parameters
    ----------
    adata
        Query that `annotate` has labelled.
    hierarchy
        Which label is a kind of which, with the labels of the model in it. Any of

        - columns of labels, from coarse to fine: a data frame, such as
          ``ref.obs[["lineage", "cell_type"]]``, or a list of columns of `adata.obs`; each label has
          one parent in the column before it;
        - edges, in which a label may have several parents: a data frame with the columns `child`
          and `parent`, a list of pairs (child, parent), or a mapping from child to parent, or to a
          list of parents;
        - a file in OBO format, such as ``cl.obo`` of the Cell Ontology, if the labels are names of
          its terms (`cc.pp.harmonize_labels` makes them so).
    key
        The `key_added` of `annotate`.
    sets
        Which labels each cell may have: a data frame of bool `(n_obs, n_labels)`, or the entry of
        `obsm` with it.
    coverage
        Share of cells, between 0 and 1, whose label is to be right; `None` for 0.9. Only without
        `sets`, which have their own.
    key_added
        Start of the names that are written; `None` for ``f"{key}_rolled_up"``.
    copy
        Whether to write to a copy and return it.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets the following fields:

    `adata.obs[key_added]` : categorical `(n_obs,)`
        The label; `"unassigned"` where the cell was so before, where its set is empty, and where
        the labels have nothing in common.
    `adata.obs[f"{key_added}_confidence"]` : float32 `(n_obs,)`
        Sum of the probabilities of the labels that it stands for, 0–1; 0 for `"unassigned"`.
    `adata.obs[f"{key_added}_depth"]` : int32 `(n_obs,)`
        How far down the hierarchy the label stands: the position of its column, or for edges the
        length of the longest way from the top; from 0 on, and -1 for `"unassigned"`.
    `adata.uns[key_added]` : dict
        `params`; `levels`, the names of the columns, if the hierarchy came as columns; `labels`, a
        DataFrame with a row for each label that can be given: `depth`, `n_labels` (labels of the
        model that it stands for), `n_cells`.

    Raises
    ------
    LabelError
        The hierarchy has a cycle, which is named; it lacks labels of the model; or, as columns, a
        label in it has not exactly one parent.
    KeyError
        There is no (whole) annotation under `key`, or no such column or entry of `obsm`.
    ValueError
        `coverage` is not between 0 and 1, or given beside `sets`; `sets` are not those of these
        cells and labels; or something else stands where is to be written. Nothing is written.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> kinds = {label: "T cell" if label.startswith("CD4") else None for label in model.labels}
    >>> cc.tl.roll_up_labels(adata, kinds)
    >>> "T cell" in adata.obs["cellclass_rolled_up"].cat.categories
    True
    """
    annotation = read_annotation(adata, key)
    if sets is not None and coverage is not None:
        raise ValueError(
            "sets come with a coverage of their own, that of model.predict_sets(adata, "
            "coverage=…). Leave coverage out here."
        )
    coverage = _COVERAGE if coverage is None else coverage
    check_fraction(coverage, "coverage")
    key_added = rolled_up_key(key) if key_added is None else key_added
    columns = [key_added, confidence_key(key_added), depth_key(key_added)]
    check_added(adata, key_added, columns, _CALL)
    tree = read_hierarchy(hierarchy, adata)
    common = CommonLabels.of(tree, annotation.labels)
    if sets is None:
        places, pooled = common.of_probabilities(annotation.probability, coverage)
    else:
        table = _sets(adata, sets, annotation.labels)
        places, pooled = common.of_sets(table, annotation.probability)
    places = np.where(annotation.assigned, places, -1)

    adata = to_write(adata, copy=copy)
    adata.obs[key_added] = label_column(common.names, places)
    adata.obs[columns[1]] = np.where(places < 0, 0, pooled.clip(0, 1)).astype(np.float32)
    adata.obs[columns[2]] = np.append(common.depth, np.int32(-1))[places]
    params = {
        "function": _CALL,
        "key": key,
        "coverage": float(coverage) if sets is None else np.nan,
        "sets": sets if isinstance(sets, str) else "",
    }
    adata.uns[key_added] = {
        PARAMS: params,
        LEVELS: np.asarray(tree.levels, dtype=object),
        LABELS: _summary(common, places),
    }
    adata.uns.pop(colors_key(key_added), None)  # those of other labels
    return adata if copy else None


def _summary(common: CommonLabels, places: np.ndarray) -> pd.DataFrame:
    """Return a row for each label that can be given."""
    n_cells = np.bincount(places[places >= 0], minlength=len(common.names))
    return pd.DataFrame(
        {
            "depth": common.depth,
            "n_labels": common.below.sum(axis=1),
            "n_cells": n_cells,
        },
        index=pd.Index(common.names, dtype=object),
    )


def _sets(adata: AnnData, sets: pd.DataFrame | str, labels: tuple[str, ...]) -> np.ndarray:
    """Return sets as an array with its columns in the order of the labels."""
    table = sets
    if isinstance(table, str):
        if table not in adata.obsm:
            raise KeyError(
                f"sets={table!r} is not an entry of adata.obsm: {near(table, adata.obsm)}. Write "
                f"it: adata.obsm[{table!r}] = model.predict_sets(adata)."
            )
        table = adata.obsm[table]
    if not isinstance(table, pd.DataFrame) or set(table.dtypes) != {np.dtype(bool)}:
        raise TypeError(
            "sets must be a data frame of bool, with a row for each cell and a column for each "
            "label: sets=model.predict_sets(adata)."
        )
    if not table.index.equals(adata.obs_names):
        raise ValueError(
            f"sets has {len(table)} rows that are not the {adata.n_obs} cells of the AnnData in "
            "their order. Take them so: sets=sets.loc[adata.obs_names]."
        )
    for columns in (list(labels), probability_columns(labels)):
        if sorted(map(str, table.columns)) == sorted(columns):
            return table.set_axis(table.columns.astype(str), axis=1)[columns].to_numpy(dtype=bool)
    different = sorted({*map(str, table.columns)} ^ {*labels})
    raise LabelError(
        f"sets has other labels than the annotation: they differ in {near('', different)}. Both "
        "must come from one model."
    )
