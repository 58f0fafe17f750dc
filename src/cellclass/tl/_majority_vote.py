"""Let cells that belong together have a say in each other's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_obs_key
from cellclass._keys import (
    ANNOTATE,
    GROUPS,
    PARAMS,
    clusters_key,
    colors_key,
    confidence_key,
    plain_vote_key,
    voted_key,
)
from cellclass._own import check_writable
from cellclass.get._label_colors import label_colors
from cellclass.tl._annotation import check_added, label_column, read_annotation, to_write
from cellclass.tl._over_cluster import over_cluster
from cellclass.tl._vote import plain_vote, pooled_posterior

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.tl._annotation import Annotation

_CALL = "cc.tl.majority_vote"


def majority_vote(
    adata: AnnData,
    groups_key: str | None = None,
    *,
    key: str = ANNOTATE,
    weight: float = 0.75,
    layer: str | None = None,
    resolution: float | None = None,
    rng: int | np.random.Generator = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Smooth the labels of an annotation within clusters, without losing rare types.

    The probabilities of the cells of a cluster are pooled to tell how frequent each label is there,
    and every cell weighs that against its own evidence. With :math:`p_i` the probabilities of cell
    :math:`i`, :math:`\bar p` their mean over all cells and :math:`g` its cluster,

    .. math::

        q_i \propto p_i \left(\frac{\pi_i}{\bar p}\right)^w, \qquad
        \pi_i = \frac{20\,\bar p + \sum_{j \in g,\, j \ne i} p_j}{20 + |g| - 1}

    and the voted label is the one of largest :math:`q_i`: Bayes' rule with the cluster's
    composition as the prior, for :math:`w = 1`. A cell in doubt follows its cluster; a confident
    cell of a rare type keeps its label, also where it is one in a hundred. The plain vote, which
    gives all cells of a cluster its most frequent label and so removes rare types, is written
    beside it for comparison.

    Unlike `annotate`, a vote depends on which other cells are there. Unassigned cells, and cells
    without a group, have no vote and keep their label.

    Parameters
    ----------
    adata
        Query that `annotate` has labelled.
    groups_key
        Column of `obs` with clusters, or other groups of cells that belong together. `None`: many
        small clusters are made with scanpy's Leiden method, from the graph of `sc.pp.neighbors` if
        it is there, else from `obsm["X_pca"]`, else from the expression. Needs igraph
        (``pip install 'cellclass[clusters]'``).
    key
        The `key_added` of `annotate`.
    weight
        The :math:`w`, from 0 on: 0 leaves the labels as they are. The default is below 1 because
        clusters come from the expression that the model has read, too, so that they are not
        evidence of their own.
    layer
        Layer with the expression to cluster by; with it, a graph or components that are there are
        not used. Only without `groups_key`.
    resolution
        Of the clusters; the higher the smaller. `None`: 5 for less than 5,000 cells, up to 30 from
        200,000 on, as in CellTypist. Only without `groups_key`.
    rng
        Seed of the clusters, or a generator, which is advanced.
    key_added
        Start of the names that are written; `None` for ``f"{key}_voted"``.
    copy
        Whether to write to a copy and return it.

    Returns
    -------
    `None`, or with `copy` the AnnData. Sets the following fields:

    `adata.obs[key_added]` : categorical `(n_obs,)`
        The voted label, or `"unassigned"`.
    `adata.obs[f"{key_added}_confidence"]` : float32 `(n_obs,)`
        The :math:`q` of the voted label, 0–1; for a cell without a group its confidence, and 0
        where the label is `"unassigned"`. It is somewhat higher than the truth warrants where
        clusters come from the same expression.
    `adata.obs[f"{key_added}_plain"]` : categorical `(n_obs,)`
        The most frequent label of the cell's cluster.
    `adata.obs[f"{key_added}_clusters"]` : categorical `(n_obs,)`
        The clusters, where they were made here.
    `adata.uns[key_added]` : dict
        `params`; `groups`, a DataFrame with a row for each group that had votes: `n_cells` (with a
        vote), `label` (the plain vote), `share` (0–1, of the cells with that label), `n_changed`
        (cells whose voted label is another one than before).
    `adata.uns[f"{key_added}_colors"]` : list of str
        Colours of the labels, where the annotation has them.

    Raises
    ------
    KeyError
        `groups_key` does not exist, or there is no (whole) annotation under `key`.
    ImportError
        Clusters are to be made and igraph is not installed.
    ValueError
        `weight` or `resolution` is out of range, or something else stands where is to be written;
        nothing is written.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> cc.tl.majority_vote(adata, "louvain")
    >>> sorted(adata.uns["cellclass_voted"])
    ['groups', 'params']
    """
    annotation = read_annotation(adata, key)
    key_added = voted_key(key) if key_added is None else key_added
    columns = [key_added, confidence_key(key_added), plain_vote_key(key_added)]
    _check_arguments(weight, resolution, layer, groups_key)
    made_here = [clusters_key(key_added)] if groups_key is None else []
    check_added(adata, key_added, columns + made_here, _CALL)
    check_writable(adata, copy=copy)
    if groups_key is None:
        seed = int(np.random.default_rng(rng).integers(2**31))
        names, resolution = over_cluster(adata, layer=layer, resolution=resolution, seed=seed)
        clusters = pd.Series(names, index=adata.obs_names, dtype="category")
    else:
        clusters = _groups(adata, groups_key, columns)
    posterior, plain, table = _vote(annotation, clusters, weight)

    adata = to_write(adata, copy=copy)
    voted = np.where(annotation.assigned, posterior.argmax(axis=1), -1)
    confidence = np.where(annotation.assigned, posterior.max(axis=1), 0).astype(np.float32)
    labels = annotation.labels
    written = [label_column(labels, voted), confidence, label_column(labels, plain)]
    for column, values in zip(columns, written, strict=True):
        adata.obs[column] = values
    if groups_key is None:
        adata.obs[clusters_key(key_added)] = clusters
    params = {
        "function": _CALL,
        "key": key,
        "groups_key": groups_key or "",
        "weight": float(weight),
        "layer": layer or "",
        "resolution": np.nan if resolution is None else float(resolution),
    }
    adata.uns[key_added] = {PARAMS: params, GROUPS: table}
    adata.uns.pop(colors_key(key_added), None)  # those of an earlier vote
    colors = label_colors(adata, key)
    if colors.keys() >= set(written[0].categories):
        adata.uns[colors_key(key_added)] = [colors[label] for label in written[0].categories]
    return adata if copy else None


def _groups(adata: AnnData, groups_key: str, columns: list[str]) -> pd.Series:
    check_obs_key(adata, groups_key, "groups_key")
    if groups_key in columns:
        raise ValueError(
            f"groups_key={groups_key!r} is what a vote writes. Name a column with clusters."
        )
    return adata.obs[groups_key].astype("category")


def _vote(
    annotation: Annotation, clusters: pd.Series, weight: float
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return each cell's probabilities after the vote, its plain vote, and the table of groups."""
    voters = np.flatnonzero(annotation.assigned & clusters.notna().to_numpy())
    numbers = clusters.cat.codes.to_numpy()[voters]
    present, groups = np.unique(numbers, return_inverse=True)
    codes = annotation.codes[voters]
    posterior, plain = annotation.probability.copy(), annotation.codes.copy()
    posterior[voters] = pooled_posterior(annotation.probability[voters], groups, weight=weight)
    winners, shares, n_cells = plain_vote(codes, groups, len(annotation.labels))
    plain[voters] = winners[groups]
    changed = posterior[voters].argmax(axis=1) != codes
    table = pd.DataFrame(
        {
            "n_cells": n_cells,
            "label": np.asarray(annotation.labels, dtype=object)[winners],
            "share": shares,
            "n_changed": np.bincount(groups[changed], minlength=len(present)),
        },
        index=pd.Index(clusters.cat.categories[present].astype(str), dtype=object),
    )
    return posterior, plain, table


def _check_arguments(
    weight: float, resolution: float | None, layer: str | None, groups_key: str | None
) -> None:
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"weight={weight!r}; a number from 0 (the cells alone) on is needed.")
    if groups_key is not None:
        for name, value in (("resolution", resolution), ("layer", layer)):
            if value is not None:
                raise ValueError(
                    f"{name}={value!r} is for making clusters, but groups_key={groups_key!r} names "
                    "some. Leave one of the two out."
                )
    if resolution is not None and not (np.isfinite(resolution) and resolution > 0):
        raise ValueError(f"resolution={resolution!r}; a positive number is needed, such as 5.")
