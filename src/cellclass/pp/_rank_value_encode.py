"""Cells as the order of their genes: rank-value encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellclass._checks import check_name, check_not_empty, check_unique_genes
from cellclass._keys import PARAMS, RANK_VALUE, median_key
from cellclass._own import check_writable, own
from cellclass.contract import linear_rows
from cellclass.kernels import rank_tokens_csr, rank_tokens_dense
from cellclass.pp._gene_medians import check_medians, given_medians, medians_of
from cellclass.pp._linear_source import linear_source
from cellclass.pp._ranked_cells import check_number

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

    from cellclass.contract import Scale

# A common factor of all medians is of no matter; this one is Geneformer's.
_TARGET_SUM = 1e4


def rank_value_encode(
    adata: AnnData,
    *,
    layer: str | None = None,
    n_tokens: int = 2048,
    medians: pd.Series | None = None,
    key_added: str = RANK_VALUE,
    copy: bool = False,
) -> AnnData | None:
    r"""Write each cell as its genes in descending order of expression, over their medians.

    The input of transformers that read a cell as a sentence of genes (Geneformer [1]_). A cell's
    counts :math:`y` are normalised to 10,000, and each gene is divided by its median over the
    cells that express it:

    .. math:: r_{ig} = \frac{x_{ig}}{\operatorname{median}_{\{j:\, x_{jg} > 0\}} x_{jg}},
        \qquad x_{ig} = 10^4 \, \frac{y_{ig}}{\sum_h y_{ih}}

    Housekeeping genes, which every cell has much of, come down; genes that the cell has more of
    than others move up. The tokens of cell :math:`i` are the positions of the `n_tokens` expressed
    genes of largest :math:`r_{ig}`, the largest first. Ratios that agree to nine digits are equal;
    of equal ones, the gene that comes first in the AnnData comes first.

    A cell's tokens depend on the cell and the medians only: the factor that all of its values have
    in common, its depth, is of no matter. Without `medians`, these come from all cells at hand, so
    that other cells do have a say. Give a query those of the reference.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)` with unique `.var_names`: dense, CSR or CSC, of any integer
        or float type, in memory or backed, or Dask arrays. Counts, normalised counts, or logarithms
        or square roots of those, see :func:`identify_scale`. The matrix stays as it is. A view
        becomes an AnnData of its own, as with any assignment to it.
    layer
        Layer with the expression; `None` for `X`.
    n_tokens
        The longest sentence, in genes.
    medians
        Medians by gene name, for instance ``reference.var["rank_value_median"]``. They may be
        those of another sum per cell, but not of logarithms. Genes that `adata` lacks are not used.
        By default they are computed from `adata`.
    key_added
        Key of `.obsm` and `.uns`, and start of the column of `.var`.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following fields, and no field on an error:

    obsm[key_added] : int32 `(n_obs, n_tokens)`
        Positions of genes in `.var`; -1 after the last one of a cell.
    var[f"{key_added}_median"] : float64 `(n_vars,)`
        The medians (counts per 10,000, unless given on another scale); NaN for a gene that no cell
        expresses, or that `medians` lacks.
    uns[key_added]["params"] : dict
        `layer`, `n_tokens` and `target_sum` (10,000), and in `medians` ``"computed"`` or
        ``"given"``.

    Raises
    ------
    ScaleError
        The scale cannot be undone: z-scored, mixed, unrecognised.
    ValuesError
        A value is NaN or infinite.
    GeneError
        Gene names are duplicated, or `medians` has no value for an expressed gene.
    KeyError
        There is no such layer.
    TypeError
        `medians` is no Series of numbers, or `n_tokens` no whole number.
    ValueError
        There are no cells or genes, `n_tokens` is less than 1, a median of an expressed gene is
        zero, negative or infinite, `key_added` is no name, or a backed AnnData is to be copied.

    Warns
    -----
    UserWarning
        Medians are to be computed from normalised cells that differ in their sum, so that genes
        seem to have been left out.

    See Also
    --------
    bin_values : Expression values as tokens.

    References
    ----------
    .. [1] C. V. Theodoris et al., Transfer learning enables predictions in network biology, Nature
       618, 2023, doi:10.1038/s41586-023-06139-9

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> ref, query = adata[::2].copy(), adata[1::2].copy()
    >>> cc.pp.rank_value_encode(ref, layer="counts", n_tokens=100)
    >>> medians = ref.var["rank_value_median"].dropna()
    >>> query = query[:, query.var_names.isin(medians.index)].copy()
    >>> cc.pp.rank_value_encode(query, layer="counts", n_tokens=100, medians=medians)
    >>> query.obsm["rank_value"].shape
    (350, 100)
    >>> monocyte = query.obs["cell_type"].eq("CD14+ Monocyte").argmax()
    >>> query.var_names[query.obsm["rank_value"][monocyte, :3]].tolist()
    ['TIMP1', 'FTL', 'FCN1']
    """
    check_not_empty(adata)
    check_unique_genes(adata)
    if n_tokens is None:
        raise TypeError("n_tokens=None; the longest sentence needs a number, such as 2048.")
    check_number(n_tokens, "n_tokens", 1, None, ": a cell needs room for a gene")
    check_name(key_added, "key_added", "an entry")
    check_writable(adata, copy=copy)
    by_gene = None if medians is None else given_medians(medians, adata.var_names)
    source, scale = linear_source(adata, layer, needs_sums=medians is None)
    if by_gene is None:
        by_gene = medians_of(source.matrix, scale, _TARGET_SUM)
    tokens, expressed = _tokens(source.matrix, scale, by_gene, n_tokens)
    check_medians(by_gene, expressed, adata.var_names)
    target = own(adata, copy=copy)
    target.obsm[key_added] = tokens
    target.var[median_key(key_added)] = by_gene
    target.uns[key_added] = {
        PARAMS: {
            "layer": layer,
            "n_tokens": int(n_tokens),
            "target_sum": _TARGET_SUM,
            "medians": "computed" if medians is None else "given",
        }
    }
    return target if copy else None


def _tokens(
    X: Any,  # noqa: ANN401 - any array kind
    scale: Scale,
    medians: NDArray[np.float64],
    n_tokens: int,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the tokens, and which genes are expressed in any cell."""
    tokens = np.empty((X.shape[0], n_tokens), dtype=np.int32)
    expressed = np.zeros(X.shape[1], dtype=bool)
    # a median that is none is refused once it is known whether its gene is expressed
    divisor = np.where(medians > 0, medians, 1.0)
    for rows, values in linear_rows(X, scale, target_sum=_TARGET_SUM):
        if isinstance(values, np.ndarray):
            expressed |= (values > 0).any(axis=0)
            rank_tokens_dense(values, divisor, tokens[rows])
        else:
            expressed[values.indices[values.data > 0]] = True
            arrays = (values.data, values.indices, values.indptr)
            rank_tokens_csr(*arrays, divisor, tokens[rows])
    return tokens, expressed
