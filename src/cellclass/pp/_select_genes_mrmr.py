"""Choose genes that tell labels apart and do not repeat each other."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from cellclass._checks import (
    check_not_empty,
    check_obs_key,
    check_unique_genes,
    label_codes,
    matrix_of,
)
from cellclass._keys import MRMR, MRMR_RANK, MRMR_SCORE, MRMR_SELECTED, PARAMS
from cellclass._own import check_writable, own
from cellclass.kernels import (
    at_median_depth,
    divergences,
    find_bad_counts,
    greedy_correlation,
    greedy_information,
    pack_codes,
    tercile_thresholds,
)
from cellclass.pp._count_source import count_tables_of
from cellclass.pp._not_counts import in_memory, not_counts
from cellclass.pp._ranked_cells import checked_mask

if TYPE_CHECKING:
    from typing import Literal

    from anndata import AnnData
    from numpy.typing import ArrayLike

METHODS = ("cmim", "jmi", "correlation")
SCHEMES = ("difference", "quotient")
TARGET_SUM = 1e4


def select_genes_mrmr(
    adata: AnnData,
    groupby: str,
    *,
    n_top_genes: int = 200,
    method: Literal["cmim", "jmi", "correlation"] = "cmim",
    n_candidates: int = 1000,
    scheme: Literal["difference", "quotient"] = "difference",
    layer: str | None = None,
    mask_obs: ArrayLike | str | None = None,
    key_added: str = MRMR,
    copy: bool = False,
) -> AnnData | None:
    r"""Choose genes one after the other for what they add to those chosen before.

    A ranking gene by gene repeats itself: the second best marker of a label is often as good as
    the first because it says the same. Here the candidates, the `n_candidates` genes of highest
    Jensen–Shannon divergence, are chosen greedily ("minimum redundancy, maximum relevance").

    With :math:`Y` the label, :math:`X` the coarse code of a candidate and :math:`S` the codes of
    the genes chosen so far, the next gene is the one of largest

    .. math::
        \text{cmim:}\quad & \min\Bigl(I(X; Y),\; \min_{W \in S} I(X; Y \mid W)\Bigr) \\
        \text{jmi:}\quad & \frac{1}{|S|} \sum_{W \in S} I(X; Y \mid W) \\
        \text{correlation:}\quad & D(X) - \frac{1}{|S|} \sum_{W \in S} |r(X, W)|
            \quad\text{or}\quad D(X) \Big/ \frac{1}{|S|} \sum_{W \in S} |r(X, W)|

    ``"cmim"`` [1]_ asks what a gene tells about the label once any one of the chosen genes is
    known: a copy of a chosen gene scores 0. ``"jmi"`` [2]_ asks the same on average.
    ``"correlation"`` [3]_ subtracts the mean absolute Pearson correlation :math:`r` of log1p
    expression with the chosen genes from the Jensen–Shannon divergence :math:`D`, or divides by it
    (`scheme`). Good markers of one label are always correlated, so that dividing gives up markers
    for genes that tell little. The user guide has numbers.

    All of this is computed from counts scaled to the median depth of the cells and rounded. The
    divergence :math:`D` is that of :func:`cellclass.pp.rank_genes_js` with the scaled counts in
    bins 0, 1, 2–3, 4–7 and so on. The code of a count is 0, 1 or 2: how many of the gene's two
    thresholds it reaches. The thresholds are the terciles of the gene over the cells, and at least
    1 and 2, so that the code of a gene with few counts is 0, 1 or "2 and more". Probabilities are
    those of drawing a label first, each label alike, and then one of its cells.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)` with raw counts. CSR, CSC and dense matrices of any integer or
        float type; other sparse formats are converted. A backed `.X` is read into memory for the
        time of the call. A view becomes an AnnData of its own, as with any assignment to it.
    groupby
        Column of `.obs` with the labels.
    n_top_genes
        How many genes to choose, 1 to `n_candidates`. The first of them are the same for any
        number.
    method
        ``"cmim"``, ``"jmi"`` or ``"correlation"``, see above.
    n_candidates
        How many genes of highest divergence to choose from; all where there are fewer.
    scheme
        Of ``"correlation"``: subtract the mean correlation (``"difference"``) or divide by it
        (``"quotient"``).
    layer
        Layer with the counts; `.X` by default.
    mask_obs
        Choose on these cells only: booleans `(n_obs,)`, or the name of a boolean column of `.obs`.
        The other cells need no label.
    key_added
        Key of `.uns` for the parameters. The columns of `.var` hold the latest choice.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following fields, and no field on an error:

    var["mrmr_rank"] : float64 `(n_vars,)`
        Rank in the order of choice, 0 for the first; NaN for a gene that was not chosen.
    var["mrmr_selected"] : bool `(n_vars,)`
        Whether the gene was chosen.
    var["mrmr_score"] : float64 `(n_vars,)`
        Score of the gene when it was chosen: nats for ``"cmim"`` and ``"jmi"``; NaN for a gene
        that was not chosen.
    uns[key_added]["params"] : dict
        `groupby`, `n_top_genes`, `method`, `n_candidates`, `scheme`, `layer` and `mask_obs`.

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
        There are no cells or genes, the mask is not one boolean per cell or leaves no cell, a
        number of genes is out of range, or `method` or `scheme` is none of the above.
    TypeError
        The matrix is not in memory, or an argument has the wrong type.

    See Also
    --------
    cellclass.pp.rank_genes_js : Every gene by itself; faster, and enough for large panels.

    References
    ----------
    .. [1] F. Fleuret, Fast binary feature selection with conditional mutual information, Journal
       of Machine Learning Research 5, 2004, https://jmlr.org/papers/v5/fleuret04a.html
    .. [2] H. H. Yang and J. Moody, Data visualization and feature selection: new algorithms for
       nongaussian data, Advances in Neural Information Processing Systems 12, 1999
    .. [3] C. Ding and H. Peng, Minimum redundancy feature selection from microarray gene
       expression data, Journal of Bioinformatics and Computational Biology 3, 2005,
       doi:10.1142/S0219720005001004

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.select_genes_mrmr(adata, "cell_type", layer="counts", n_top_genes=50)
    >>> int(adata.var["mrmr_selected"].sum())
    50
    >>> adata.var["mrmr_rank"].nsmallest(3).index.tolist()
    ['TYROBP', 'CD3D', 'HLA-DPB1']
    """
    check_not_empty(adata)
    check_obs_key(adata, groupby, "groupby")
    check_unique_genes(adata)
    X = in_memory(adata, matrix_of(adata, layer))
    mask = checked_mask(adata, mask_obs)
    codes = np.full(adata.n_obs, -1, dtype=np.int64)
    codes[mask], labels = label_codes(adata.obs[groupby][mask], groupby)
    _check_choice(method, METHODS, "method")
    _check_choice(scheme, SCHEMES, "scheme")
    n_candidates, n_selected = _numbers(n_candidates, n_top_genes, adata.n_vars)
    check_writable(adata, copy=copy)
    if find_bad_counts(X, codes) is not None:
        raise not_counts(adata, layer, X, codes, function="select_genes_mrmr")

    scaled, depth = at_median_depth(X, mask)
    tables = count_tables_of(X, codes, len(labels), bins="log2", normalize=True)
    divergence = divergences(tables)
    candidates = np.argsort(-divergence, kind="stable")[:n_candidates]
    scaled = sparse.csc_array(scaled[:, candidates])[mask]
    if method == "correlation":
        scaled = scaled.astype(np.float64)
        scaled.data = np.log1p(scaled.data * (TARGET_SUM / max(np.median(depth[mask]), 1)))
        chosen, scores = greedy_correlation(
            scaled, divergence[candidates], n_selected, quotient=scheme == "quotient"
        )
    else:
        packed = pack_codes(scaled, codes[mask], len(labels), tercile_thresholds(scaled))
        shares = np.full(len(labels), 1 / len(labels))
        chosen, scores = greedy_information(packed, shares, n_selected, mean=method == "jmi")

    rank = np.full(adata.n_vars, np.nan)
    score = np.full(adata.n_vars, np.nan)
    rank[candidates[chosen]] = np.arange(n_selected)
    score[candidates[chosen]] = scores
    params = {
        "groupby": groupby,
        "n_top_genes": n_selected,
        "method": method,
        "n_candidates": n_candidates,
        "scheme": scheme,
        "layer": layer,
        "mask_obs": mask_obs if mask_obs is None or isinstance(mask_obs, str) else mask,
    }
    target = own(adata, copy=copy)
    target.var[MRMR_RANK] = rank
    target.var[MRMR_SELECTED] = ~np.isnan(rank)
    target.var[MRMR_SCORE] = score
    target.uns[key_added] = {PARAMS: params}
    return target if copy else None


def _check_choice(value: str, choices: tuple[str, ...], argument: str) -> None:
    if value not in choices:
        raise ValueError(f"{argument}={value!r} is none of {', '.join(map(repr, choices))}.")


def _numbers(n_candidates: int, n_top_genes: int, n_vars: int) -> tuple[int, int]:
    n_asked = operator.index(n_candidates)
    if n_asked < 1:
        raise ValueError(f"n_candidates={n_asked} is less than 1.")
    n_candidates = min(n_asked, n_vars)
    n_top_genes = operator.index(n_top_genes)
    if not 1 <= n_top_genes <= n_candidates:
        raise ValueError(
            f"n_top_genes={n_top_genes} is outside 1 to {n_candidates}, the number of candidates: "
            f"n_candidates={n_asked}, and there are {n_vars} genes."
        )
    return n_candidates, n_top_genes
