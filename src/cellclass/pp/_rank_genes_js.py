"""Rank genes by the Jensen–Shannon divergence of their counts between labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_not_empty, check_unique_genes, matrix_of
from cellclass._keys import (
    LABEL_WEIGHTS,
    PARAMS,
    RANK_GENES_JS,
    RANKING,
)
from cellclass._own import check_writable, own
from cellclass._warn import warn
from cellclass.errors import ValuesError
from cellclass.kernels import (
    PANEL_BINS,
    best_first,
    lowest_counts,
    middle_counts,
    split_tables,
    takes_fractions,
)
from cellclass.pp._count_source import count_tables_of
from cellclass.pp._js_doubts import doubts
from cellclass.pp._js_layout import (
    drawn_distributions,
    gene_columns,
    label_weights,
    scanpy_layout,
)
from cellclass.pp._js_statistics import (
    g_test_pvalues,
    label_scores,
    overall_divergence,
    permutation_pvalues,
)
from cellclass.pp._not_counts import not_counts
from cellclass.pp._ranked_cells import check_number, check_weights, ranked_cells

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from anndata import AnnData
    from numpy.typing import ArrayLike, NDArray

    from cellclass.kernels import Bins, CountTables


def rank_genes_js(
    adata: AnnData,
    groupby: str,
    *,
    layer: str | None = None,
    mask_obs: ArrayLike | str | None = None,
    batch_key: str | None = None,
    n_top_genes: int | None = None,
    top_by: Literal["per_label", "overall"] = "per_label",
    weights: Literal["uniform", "frequency"] | Mapping[str, float] = "uniform",
    bins: Bins = None,
    normalize: bool | None = None,
    n_permutations: int = 0,
    rng: int | np.random.Generator = 0,
    n_genes: int | None = None,
    key_added: str = RANK_GENES_JS,
    n_threads: int | None = None,
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

    **Markers of each label** come from the same pass over the matrix: the divergence of the label
    and all other cells, each with weight 1/2, with the sign of the difference of the mean counts.
    They are laid out as :func:`scanpy.tl.rank_genes_groups` does, so that scanpy's functions work
    on them with ``key="rank_genes_js"``. The fold change is scanpy's,
    :math:`\log_2 \frac{\bar x_k + 10^{-9}}{\bar x_\mathrm{rest} + 10^{-9}}`, of the mean counts
    themselves; scanpy's undoes the logarithm of log-normalised values instead.

    **Significance.** With frequency weights, :math:`2 N D` for :math:`N` cells is the G statistic
    of the likelihood-ratio test of independence. A gene's values are pooled from both ends until
    each bin holds at least 5 cells per label, and G of the pooled table is compared with a
    chi-squared distribution with (labels - 1) × (bins - 1) degrees of freedom; p-values are
    adjusted by Benjamini and Hochberg [2]_ over the genes that can be tested. They test the same
    hypothesis whatever the weights. They treat cells as independent: where cells come from a few
    donors, or labels from clustering the same genes, a small p-value says little about other
    donors, or about whether the labels are real.

    **Batches.** With `batch_key`, each batch is ranked by itself, with weights that sum to 1 over
    the labels that it holds, and the results are combined, so that a difference between batches
    is not taken for one between labels: the divergence is the mean over batches, weighted by their
    cells (with frequency weights, the mutual information given the batch); G and its degrees of
    freedom add up; a label's signed divergence, mean counts and detection are means with the
    weights :math:`n_k n_\mathrm{rest} / n_\mathrm{batch}` of Mantel and Haenszel. A gene that is up
    in one batch and down in another cancels out. Batches with a single label do not count.

    Every whole number is a value of its own, unless `bins` are asked for; nothing is smoothed or
    corrected. So the divergence is biased upwards in labels with few cells, and it also sees
    differences in sequencing depth between labels. It is not the "JS specificity" of mean
    expression that other packages report, and :func:`scipy.spatial.distance.jensenshannon` is its
    square root for two labels.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)` with raw counts. CSR, CSC and dense matrices of any integer or
        float type; other sparse formats are converted. Matrices of a backed AnnData, or of
        :func:`anndata.experimental.read_lazy`, are read chunk by chunk; Dask arrays, whose sparse
        chunks must span all genes (CSC: all cells), are counted by Dask's scheduler. A view
        becomes an AnnData of its own, as with any assignment to it.
    groupby
        Column of `.obs` with the labels. Cells without one are left out, with a warning.
    layer
        Layer with the counts; `.X` by default.
    mask_obs
        Rank on these cells only: booleans `(n_obs,)`, or the name of a boolean column of `.obs`.
        The other cells need no label.
    batch_key
        Column of `.obs` with the batches to compare within.
    n_top_genes
        How many genes to mark as selected, 1 to `n_vars`; all by default.
    top_by
        Which genes those are. ``"per_label"``: the best gene of each label in turn, by its
        divergence from the rest, then the second best of each, until there are enough; so no label
        goes without. The divergence of a gene that is down in the label counts half. For this
        choice, unless `bins` or `normalize` are given, counts are scaled to the median depth and
        pooled in octaves, in one more pass over the matrix. ``"overall"``: those of largest
        divergence over all labels, which in small panels spends many genes on the same contrast.
    weights
        ``"uniform"``: every label counts the same, however few cells it has. ``"frequency"``: a
        label counts as much as its share of the cells; the divergence is then the mutual
        information of count and label. Or a number for each label, not negative, with sum 1.
    bins
        How to pool counts before they are compared; by default not at all. Mean counts are then
        those of the middles of the bins (of their numbers, for quantiles), and so is the fold
        change.
    normalize
        Whether to scale each cell's counts to the median depth and round them first. By default
        the divergences are those of the counts themselves, as any other implementation gives them;
        only the `n_top_genes` are chosen at the median depth, as `top_by` says.
    n_permutations
        With a number above 0, p-values are not those of the G test: labels are shuffled (within
        batches) so many times, and the p-value is the share of divergences that are as large,
        (1 + as large) / (1 + `n_permutations`). Each takes about as long as the ranking.
    rng
        Seed, or generator, of the permutations.
    n_genes
        How many genes of each label to keep in `uns`; all by default.
    key_added
        Key of `.uns` for the ranking. The columns of `.var` hold the latest ranking whatever its
        key; :func:`cellclass.get.rank_genes_js_df` finds the earlier ones under theirs.
    n_threads
        Threads to use; by default one for each processor, up to 8. The result is the same bits
        for any number.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following fields, and no field on an error:

    var["js_divergence"] : float64 `(n_vars,)`
        Divergence over all labels in nats.
    var["js_rank"] : int64 `(n_vars,)`
        Rank, 0 for the largest divergence; of equal genes the first in `.var` is first.
    var["js_selected"] : bool `(n_vars,)`
        Whether the gene is among the `n_top_genes`.
    var["js_pval"], var["js_pval_adj"] : float64 `(n_vars,)`
        p-value, and the same adjusted for the number of tested genes; 1 for a gene with too few
        cells above 0 to be tested.
    uns[key_added]["params"] : dict
        The arguments; `method` (``"js"``), `reference` (``"rest"``), `use_raw` (False) and
        `corr_method` (``"benjamini-hochberg"``) for scanpy. `weights` is ``"uniform"``,
        ``"frequency"`` or ``"custom"``.
    uns[key_added]["names"] : record array `(n_genes,)` of str
        The genes of each label (a field of the array), the largest signed divergence first.
    uns[key_added]["scores"] : record array `(n_genes,)` of float32
        The signed divergences in nats, from -ln 2 to ln 2.
    uns[key_added]["logfoldchanges"] : record array `(n_genes,)` of float32
        Log2 fold change of the mean count over that of the rest.
    uns[key_added]["pvals"], uns[key_added]["pvals_adj"] : record array `(n_genes,)` of float64
        p-values of each label against the rest, adjusted over the genes.
    uns[key_added]["pct_nz_group"], uns[key_added]["pct_nz_reference"] : record array of float64
        Share (0–1) of cells with a count above 0, in the label and in the rest.
    uns[key_added]["pts"], uns[key_added]["pts_rest"] : DataFrame `(n_vars, n_labels)` of float64
        The same for all genes, as scanpy has it; not there if a label holds a ``/``, which no
        column of a file may.
    uns[key_added]["label_weights"] : DataFrame `(n_labels, 2)`
        `n_cells` and `weight` (0–1) of each label.
    uns[key_added]["ranking"] : DataFrame `(n_vars, 5)`
        The columns of `.var`, by gene name.
    uns[key_added]["count_distributions"] : dict
        Distributions of the best `genes`, `genes_per_label` of each label, for the picture:
        `n_cells`, int64 `(n_drawn, n_labels, n_ranges)`, in ranges of counts that begin at
        `lowest_counts`.

    Raises
    ------
    KeyError
        `.obs` has no column `groupby`, `mask_obs` or `batch_key`, or there is no such layer.
    LabelError
        Fewer than two labels have cells, or no batch has two of them.
    ScaleError
        The matrix holds fractional values, so it is not counts.
    ValuesError
        A value is NaN, infinite, negative or at least 2²⁴.
    GeneError
        Gene names are duplicated.
    ValueError
        There are no cells or genes, the mask is not one boolean per cell or leaves no cell, a cell
        has no batch, the weights do not fit the labels, or a number is out of range.
    MemoryError
        Workers of Dask were killed at the same chunk again and again.
    TypeError
        The matrix is not in memory, or an argument has the wrong type.

    Warns
    -----
    UserWarning
        Cells without a label were left out; labels have fewer than 20 cells, with uniform weights;
        counts are so deep that nearly every one is a value of its own; a label shares no batch
        with another one.

    See Also
    --------
    cellclass.get.rank_genes_js_df : The ranking, or that of a label, as a data frame.
    cellclass.pl.rank_genes_js : The best genes and their counts as a picture.

    References
    ----------
    .. [1] J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on
       Information Theory 37, 1991, doi:10.1109/18.61115
    .. [2] Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, Journal of the Royal
       Statistical Society B 57, 1995, doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> many = adata.obs["cell_type"].map(adata.obs["cell_type"].value_counts()).astype(int) >= 20
    >>> cc.pp.rank_genes_js(adata, "cell_type", layer="counts", mask_obs=many, n_top_genes=100)
    >>> int(adata.var["js_selected"].sum())
    100
    >>> cc.get.rank_genes_js_df(adata, n_genes=3)["names"].tolist()
    ['CD74', 'TYROBP', 'HLA-DRA']
    >>> cc.get.rank_genes_js_df(adata, label="CD19+ B", n_genes=3)["names"].tolist()
    ['CD79A', 'CD74', 'CD79B']
    """
    check_not_empty(adata)
    check_unique_genes(adata)
    cells = ranked_cells(adata, groupby, mask_obs, batch_key)
    X = matrix_of(adata, layer)
    shares = check_weights(weights, cells.labels)
    if top_by not in ("per_label", "overall"):
        raise ValueError(f'top_by={top_by!r} is neither "per_label" nor "overall".')
    of_genes = ", the number of genes"
    n_top = check_number(n_top_genes, "n_top_genes", 1, adata.n_vars, of_genes)
    n_kept = check_number(n_genes, "n_genes", 1)
    n_shuffles = check_number(n_permutations, "n_permutations", 0) or 0
    threads = check_number(n_threads, "n_threads", 1)
    check_writable(adata, copy=copy)

    def count(
        codes: NDArray[np.int64], *, bins: Bins = bins, normalize: bool = bool(normalize)
    ) -> CountTables:
        both = np.where(codes < 0, -1, cells.batches * len(cells.labels) + codes)
        n_codes = len(cells.labels) * cells.n_batches
        return count_tables_of(X, both, n_codes, bins=bins, normalize=normalize, n_threads=threads)

    try:
        tables = count(cells.codes)
    except ValuesError as error:
        fractions = takes_fractions(bins) and not normalize
        raise not_counts(adata, layer, X, cells.codes, error, fractions=fractions) from error
    parts = split_tables(tables, cells.n_batches)
    divergence = overall_divergence(parts, shares)
    found = label_scores(parts, bin_values=middle_counts(bins), n_threads=threads)
    if n_shuffles:
        tests = permutation_pvalues(
            lambda codes: split_tables(count(codes), cells.n_batches),
            cells,
            shares,
            divergence,
            found,
            n_permutations=n_shuffles,
            rng=np.random.default_rng(rng),
            bin_values=middle_counts(bins),
            n_threads=threads,
        )
    else:
        tests = g_test_pvalues(parts, n_threads=threads)

    panel_scores = None
    if n_top is not None and top_by == "per_label":
        compared = parts
        if bins is None and normalize is None:
            at_depth = count(cells.codes, bins=PANEL_BINS, normalize=True)
            compared = split_tables(at_depth, cells.n_batches)
        # up or down is told from the mean number of the bin, which outliers move less
        panel_scores = label_scores(compared, n_threads=threads).scores
    columns = gene_columns(divergence, tests, n_top, panel_scores)
    genes = adata.var_names.rename(None)
    order = best_first(found.scores)
    entry = {
        PARAMS: {
            "groupby": groupby,
            "reference": "rest",
            "method": "js",
            "use_raw": False,
            "layer": layer,
            "corr_method": "benjamini-hochberg",
            "mask_obs": mask_obs if mask_obs is None or isinstance(mask_obs, str) else cells.mask,
            "batch_key": batch_key,
            "n_top_genes": n_top,
            "top_by": top_by,
            "weights": shares if isinstance(shares, str) else "custom",
            "bins": list(map(str, bins)) if isinstance(bins, tuple) else bins,
            "normalize": bool(normalize),
            "n_permutations": n_shuffles,
        },
        **scanpy_layout(genes, cells.labels, found, tests, order, n_kept),
        **drawn_distributions(tables, genes, order, cells.n_batches, lowest_counts(bins)),
        LABEL_WEIGHTS: label_weights(cells, shares),
        RANKING: pd.DataFrame(columns, index=genes),
    }
    for message in doubts(cells, groupby, shares, found, is_binned=bins is not None):
        warn(message)
    target = own(adata, copy=copy)
    for name, values in columns.items():
        target.var[name] = values
    target.uns[key_added] = entry
    return target if copy else None
