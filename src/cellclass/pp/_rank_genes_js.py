"""Rank genes by the Jensen–Shannon divergence of their counts between labels."""

from __future__ import annotations

import operator
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import ImplicitModificationWarning
from scipy import sparse

from cellclass._checks import (
    check_not_empty,
    check_obs_key,
    check_unique_genes,
    label_codes,
    matrix_of,
)
from cellclass._keys import (
    JS_DIVERGENCE,
    JS_RANK,
    JS_SELECTED,
    LABEL_WEIGHTS,
    PARAMS,
    RANK_GENES_JS,
    RANKING,
)
from cellclass.errors import LabelError, ScaleError, ValuesError
from cellclass.kernels import count_divergence, find_bad_counts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from anndata import AnnData
    from numpy.typing import ArrayLike, NDArray


def rank_genes_js(
    adata: AnnData,
    groupby: str,
    *,
    layer: str | None = None,
    mask_obs: ArrayLike | str | None = None,
    n_top_genes: int | None = None,
    weights: Literal["uniform", "frequency"] | Mapping[str, float] = "uniform",
    key_added: str = RANK_GENES_JS,
    copy: bool = False,
) -> AnnData | None:
    r"""Rank genes by how much the distribution of their counts differs between labels.

    For each gene, the generalised Jensen–Shannon divergence [1]_ of the distributions :math:`p_k`
    of its count among the cells of label :math:`k`, with label weights :math:`w_k`:

    .. math:: D = H\Bigl(\sum_k w_k p_k\Bigr) - \sum_k w_k H(p_k),
        \qquad H(p) = -\sum_v p(v) \ln p(v)

    It is 0 where a gene tells nothing about the label, and :math:`-\sum_k w_k \ln w_k` (with
    uniform weights the logarithm of the number of labels) where no two labels share a count. One
    number covers all labels at once, needs no reference group and sees any difference in the
    distribution, not only in the mean. Use it to choose the input genes of a classifier, on the
    training cells alone: `mask_obs` leaves the others out.

    Every whole number is a value of its own; nothing is binned, smoothed or corrected. So the
    divergence is biased upwards in labels with few cells, and it also sees differences in
    sequencing depth between labels. It is not the "JS specificity" of mean expression that other
    packages report, and :func:`scipy.spatial.distance.jensenshannon` is its square root for two
    labels.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)` with raw counts. CSR, CSC and dense matrices of any integer or
        float type; other sparse formats are converted. A backed `.X` is read into memory for the
        time of the call. A view becomes an AnnData of its own, as with any assignment to it.
    groupby
        Column of `.obs` with the labels.
    layer
        Layer with the counts; `.X` by default.
    mask_obs
        Rank on these cells only: booleans `(n_obs,)`, or the name of a boolean column of `.obs`.
        The other cells need no label.
    n_top_genes
        How many genes to mark as selected, 1 to `n_vars`; all by default.
    weights
        ``"uniform"``: every label counts the same, however few cells it has. ``"frequency"``: a
        label counts as much as its share of the cells; the divergence is then the mutual
        information of count and label. Or a number for each label, not negative, with sum 1.
    key_added
        Key of `.uns` for the ranking. The columns of `.var` hold the latest ranking whatever its
        key; :func:`cellclass.get.rank_genes_js_df` finds the earlier ones under theirs.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following fields, and no field on an error:

    var["js_divergence"] : float64 `(n_vars,)`
        Divergence in nats.
    var["js_rank"] : int64 `(n_vars,)`
        Rank, 0 for the largest divergence; of equal genes the first in `.var` is first.
    var["js_selected"] : bool `(n_vars,)`
        Whether the gene is among the first `n_top_genes`.
    uns[key_added]["params"] : dict
        `method` (``"js"``), `groupby`, `layer`, `mask_obs`, `n_top_genes`, and `weights` as
        ``"uniform"``, ``"frequency"`` or ``"custom"``.
    uns[key_added]["label_weights"] : DataFrame `(n_labels, 2)`
        `n_cells` and `weight` (0–1) of each label.
    uns[key_added]["ranking"] : DataFrame `(n_vars, 3)`
        The three columns of `.var`, by gene name.

    Raises
    ------
    KeyError
        `.obs` has no column `groupby` or `mask_obs`, or there is no such layer.
    LabelError
        A cell has no label, or there are fewer than two labels.
    ScaleError
        The matrix holds fractional values, so it is not counts.
    ValuesError
        A value is NaN, infinite, negative or at least 2²⁴.
    GeneError
        Gene names are duplicated.
    ValueError
        There are no cells or genes, the mask is not one boolean per cell or leaves no cell, the
        weights do not fit the labels, or `n_top_genes` is out of range.
    TypeError
        The matrix is not in memory, or an argument has the wrong type.

    See Also
    --------
    cellclass.get.rank_genes_js_df : The ranking as a data frame.
    cellclass.pl.rank_genes_js : The first genes as a picture.

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on
       Information Theory 37, 1991, doi:10.1109/18.61115

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts", n_top_genes=100)
    >>> int(adata.var["js_selected"].sum())
    100
    >>> cc.get.rank_genes_js_df(adata, n_genes=3)["names"].tolist()
    ['CD74', 'FTL', 'HLA-DRA']
    """
    check_not_empty(adata)
    check_obs_key(adata, groupby, "groupby")
    check_unique_genes(adata)
    X = _in_memory(adata, matrix_of(adata, layer))
    mask = _mask(adata, mask_obs)
    codes = np.full(adata.n_obs, -1, dtype=np.int64)
    codes[mask], labels = label_codes(adata.obs[groupby][mask], groupby)
    shares = _weights(weights, labels)
    n_selected = _n_top_genes(n_top_genes, adata.n_vars)
    if copy and adata.isbacked:
        raise ValueError("A backed AnnData has no copy in memory: pass adata.to_memory().")
    try:
        divergence = count_divergence(X, codes, len(labels), weights=shares)
    except ValuesError as error:
        raise _explain(adata, layer, X, codes) from error

    rank = np.empty(adata.n_vars, dtype=np.int64)
    rank[np.argsort(-divergence, kind="stable")] = np.arange(adata.n_vars)
    columns = {JS_DIVERGENCE: divergence, JS_RANK: rank, JS_SELECTED: rank < n_selected}
    n_cells = np.bincount(codes[mask])
    used = {"uniform": np.full(len(labels), 1 / len(labels)), "frequency": n_cells / n_cells.sum()}
    entry = {
        PARAMS: {
            "method": "js",
            "groupby": groupby,
            "layer": layer,
            "mask_obs": mask_obs if mask_obs is None or isinstance(mask_obs, str) else mask,
            "n_top_genes": None if n_top_genes is None else n_selected,
            "weights": shares if isinstance(shares, str) else "custom",
        },
        LABEL_WEIGHTS: pd.DataFrame(
            {
                "n_cells": n_cells,
                "weight": used[shares] if isinstance(shares, str) else shares,
            },
            index=labels,
        ),
        RANKING: pd.DataFrame(columns, index=adata.var_names.rename(None)),
    }
    target = adata.copy() if copy else adata
    with warnings.catch_warnings():  # a view becomes an AnnData of its own, as documented
        warnings.simplefilter("ignore", ImplicitModificationWarning)
        for name, values in columns.items():
            target.var[name] = values
        target.uns[key_added] = entry
    return target if copy else None


def _in_memory(adata: AnnData, X: Any) -> Any:  # noqa: ANN401 - any array kind
    if not adata.isbacked or isinstance(X, np.ndarray) or sparse.issparse(X):
        return X
    return X.to_memory() if hasattr(X, "to_memory") else X[:]


def _mask(adata: AnnData, mask_obs: ArrayLike | str | None) -> NDArray[np.bool_]:
    if mask_obs is None:
        return np.ones(adata.n_obs, dtype=bool)
    if isinstance(mask_obs, str):
        check_obs_key(adata, mask_obs, "mask_obs")
        what, mask = f"obs[{mask_obs!r}]", adata.obs[mask_obs].to_numpy()
    else:
        what, mask = "mask_obs", np.asarray(mask_obs)
    if mask.dtype != np.bool_ or mask.shape != (adata.n_obs,):
        raise ValueError(
            f"{what} has dtype {mask.dtype} and shape {mask.shape}; a mask holds one boolean per "
            f"cell, ({adata.n_obs},), and no missing value."
        )
    if not mask.any():
        raise ValueError(f"{what} leaves no cell: every entry is False.")
    return mask


def _n_top_genes(n_top_genes: int | None, n_vars: int) -> int:
    if n_top_genes is None:
        return n_vars
    n = operator.index(n_top_genes)
    if not 1 <= n <= n_vars:
        raise ValueError(f"n_top_genes={n} is outside 1 to {n_vars}, the number of genes.")
    return n


def _weights(weights: str | Mapping[str, float], labels: list[str]) -> str | NDArray[np.float64]:
    if isinstance(weights, str):
        if weights not in ("uniform", "frequency"):
            raise ValueError(
                f'weights={weights!r} is neither "uniform" nor "frequency" nor one number for each '
                "label, as {label: weight}."
            )
        return weights
    named = {str(label): float(weight) for label, weight in weights.items()}
    for what, names in {
        "has no weight for": set(labels) - set(named),
        "names labels that no cell has:": set(named) - set(labels),
    }.items():
        if names:
            raise LabelError(f"weights {what} {sorted(names)}. The labels: {labels}.")
    shares = np.array([named[label] for label in labels])
    if not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise ValueError(f"weights holds a negative or non-finite number: {named}.")
    if abs(shares.sum() - 1) > 1e-8:
        raise ValueError(f"weights sum to {shares.sum():.9g}, not 1. Divide them by their sum.")
    return shares


def _explain(
    adata: AnnData,
    layer: str | None,
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.int64],
) -> ValuesError:
    """Say in the words of the AnnData what is wrong with the values and what fixes it."""
    bad = find_bad_counts(X, codes)
    if bad is None:
        return ValuesError("The values are not counts.")
    here = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    message = (
        f"rank_genes_js needs counts, whole numbers below 2**24, but {here} holds {bad}. The first "
        f"gene with one is {adata.var_names[bad.gene]!r}: {bad.value:.8g} in cell "
        f"{adata.obs_names[bad.cell]!r}."
    )
    fix = f" Pass the layer with the counts{_count_layers(adata, layer, codes)}."
    if bad.kind == "fractional":
        return ScaleError(message + " Fractional values are normalised, not counts." + fix)
    if bad.kind == "negative":
        return ValuesError(message + " Negative values are scaled, not counts." + fix)
    return ValuesError(message + fix)


def _count_layers(adata: AnnData, layer: str | None, codes: NDArray[np.int64]) -> str:
    """Name the places of the AnnData that do hold counts."""
    found = []
    for name in [None, *adata.layers]:
        if name != layer:
            try:
                values = _in_memory(adata, matrix_of(adata, name))
                bad = find_bad_counts(values, codes)
            except (TypeError, ValueError):  # not a matrix of numbers in memory, or none
                continue
            if bad is None:
                found.append("layer=None, for adata.X" if name is None else f'layer="{name}"')
    if found:
        return f": {' or '.join(found)}"
    return ', as layer="counts"; as yet neither adata.X nor a layer holds whole numbers only'
