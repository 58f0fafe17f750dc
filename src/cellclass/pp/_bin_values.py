"""Expression values as small whole numbers, the tokens of a transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.sparse as sp

from cellclass._checks import check_name, check_not_empty, is_dask
from cellclass._keys import BINNED
from cellclass._own import own
from cellclass.contract import linear_rows, stacked_like, stored_values
from cellclass.kernels import log2_bins, quantile_bins
from cellclass.pp._linear_source import has_counts, linear_source
from cellclass.pp._ranked_cells import check_number

if TYPE_CHECKING:
    from typing import Any

    from anndata import AnnData

    from cellclass.contract import Scale

# The published numbers, by method: those of scBERT and scGPT.
_N_BINS = {"log2": 7, "quantile": 51}
_MOST_BINS = 255
_TARGET_SUM = 1e4
# Error, as a share of 1 + x, of normalised counts that were stored in single precision. Counts are
# exact, and so is their quotient by the cell's sum where it is a whole number.
_STORED_ERROR = 2e-6


def bin_values(
    adata: AnnData,
    *,
    layer: str | None = None,
    n_bins: int | None = None,
    method: Literal["log2", "quantile"] = "log2",
    layer_added: str = BINNED,
    copy: bool = False,
) -> AnnData | None:
    r"""Turn expression values into a few whole numbers, as transformers read them.

    With ``method="log2"``, the bins are the same for all cells (scBERT [1]_): of counts
    :math:`y`,

    .. math:: b = \min\bigl(\lfloor \log_2(1 + x) \rfloor,\; \texttt{n\_bins} - 2\bigr),
        \qquad x = 10^4 \, y \big/ \textstyle\sum y

    so that bin 1 is 1 to 3 counts per 10,000, bin 2 is 3 to 7, and so on. A gene with less than
    one count per 10,000 is in bin 0, like one that is not expressed. Bins are numbered 0 to
    ``n_bins - 2``; ``n_bins - 1`` is left for the token of a masked value.

    With ``method="quantile"``, the bins are the cell's own (scGPT [2]_): the values :math:`x` of
    its n expressed genes are cut at ``n_bins - 1`` of their own quantiles, and a bin's number is
    how many of these are at most :math:`x`:

    .. math:: b = \#\{k \in 0, \dots, m :\; q_{k / m} \le x\}
        = \Bigl\lfloor \frac{(r - 1)\,m}{n - 1} \Bigr\rfloor + 1, \qquad m = \texttt{n\_bins} - 2

    for r values of the cell that are at most :math:`x`. Expressed genes are in the bins 1 to
    ``n_bins - 1``, the last of which holds the largest value; 0 is a gene that is not expressed.
    Only the order of the values in the cell matters. Equal values have the same bin, where the
    published code draws one at random.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)` in memory: dense, CSR or CSC, of any integer or float type, or
        Dask arrays, which stay lazy. Counts, normalised counts, or logarithms or square roots of
        those, see :func:`identify_scale`. The matrix stays as it is. A view becomes an AnnData of
        its own, as with any assignment to it.
    layer
        Layer with the expression; `None` for `X`.
    n_bins
        How many bins there are, 3 to 255, with that of zero and, for ``"log2"``, that of masked
        values; by default the published number, 7 for ``"log2"`` and 51 for ``"quantile"``.
    method
        ``"log2"`` or ``"quantile"``, see above. The first needs all genes of a cell for its sum.
    layer_added
        Layer to write to.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following field, and no field on an error:

    layers[layer_added] : uint8 `(n_obs, n_vars)`, array of the kind that was read
        The bin of each value. Sparse ones hold no entry for bin 0.

    Raises
    ------
    ScaleError
        The scale cannot be undone: z-scored, mixed, unrecognised.
    ValuesError
        A value is NaN or infinite.
    KeyError
        There is no such layer.
    TypeError
        `n_bins` is no whole number.
    ValueError
        There are no cells or genes, `n_bins` or `method` is none that is allowed, `layer_added` is
        no name or the layer that is read, or the AnnData is backed.

    Warns
    -----
    UserWarning
        ``"log2"`` of normalised cells that differ in their sum, so that genes seem to have been
        left out.

    See Also
    --------
    rank_value_encode : The order of a cell's genes as tokens.

    References
    ----------
    .. [1] F. Yang et al., scBERT as a large-scale pretrained deep language model for cell type
       annotation of single-cell RNA-seq data, Nature Machine Intelligence 4, 2022,
       doi:10.1038/s42256-022-00534-z
    .. [2] H. Cui et al., scGPT: toward building a foundation model for single-cell multi-omics
       using generative AI, Nature Methods 21, 2024, doi:10.1038/s41592-024-02201-0

    Examples
    --------
    >>> import cellclass as cc
    >>> import numpy as np
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.pp.bin_values(adata, layer="counts")
    >>> np.bincount(adata.layers["binned"].toarray().ravel())
    array([361100,      0,    549,  44792,  71223,  57836])
    >>> cc.pp.bin_values(adata, layer="counts", method="quantile", layer_added="quantile")
    >>> adata.layers["quantile"].dtype, int(adata.layers["quantile"].max())
    (dtype('uint8'), 50)
    """
    check_not_empty(adata)
    if method not in _N_BINS:
        raise ValueError(f'method={method!r} is neither "log2" nor "quantile".')
    bins = check_number(n_bins, "n_bins", 3, _MOST_BINS, ", the bins that fit one byte")
    bins = _N_BINS[method] if bins is None else bins
    check_name(layer_added, "layer_added", "a layer")
    if adata.isbacked:
        raise ValueError(
            "The AnnData is backed by a file, which is not written to. Load it first: adata = "
            "adata.to_memory()."
        )
    source, scale = linear_source(adata, layer, needs_sums=method == "log2")
    if layer_added == source.layer:
        raise ValueError(
            f"layer_added={layer_added!r} is the layer that is read. Choose another name: "
            "expression is not overwritten."
        )
    binned = _binned_lazily(source.matrix, scale, method, bins)
    target = own(adata, copy=copy)
    target.layers[layer_added] = binned
    return target if copy else None


def _binned_lazily(X: Any, scale: Scale, method: str, n_bins: int) -> Any:  # noqa: ANN401
    if not is_dask(X):
        return _binned(X, scale, method, n_bins)
    X = X.rechunk({1: -1})
    meta = _binned(X._meta, scale, method, n_bins)  # noqa: SLF001 - as anndata does
    return X.map_blocks(_binned, scale, method, n_bins, dtype=meta.dtype, meta=meta)


def _binned(X: Any, scale: Scale, method: str, n_bins: int) -> Any:  # noqa: ANN401
    """Return the bins of a matrix in memory, in its array kind."""
    target_sum = _TARGET_SUM if method == "log2" else None
    slack = 0.0 if has_counts(scale) else _STORED_ERROR
    parts = []
    for _, values in linear_rows(X, scale, target_sum=target_sum):
        flat, indptr = stored_values(values)
        out = np.empty(flat.size, dtype=np.uint8)
        if method == "log2":
            log2_bins(flat, n_bins - 2, slack, out)
        else:
            quantile_bins(flat, indptr, n_bins, out)
        parts.append(_like(values, out))
    return stacked_like(X, parts, np.dtype(np.uint8))


def _like(values: sp.csr_matrix | np.ndarray, out: np.ndarray) -> sp.csr_matrix | np.ndarray:
    if isinstance(values, np.ndarray):
        return out.reshape(values.shape)
    binned = sp.csr_matrix((out, values.indices, values.indptr), shape=values.shape)
    binned.eliminate_zeros()
    return binned
