"""Which scale the expression of an AnnData is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._checks import check_not_empty
from cellclass.contract import identify_scale as identify_scale_of_matrix
from cellclass.contract import locate

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import Scale


def identify_scale(adata: AnnData, *, layer: str | None = None) -> Scale:
    r"""Identify the scale of expression from all of its cells, in one pass.

    For every cell and every transformation f of

    .. math:: x = y,\ \ln(1 + y),\ \log_2(1 + y),\ \log_{10}(1 + y),\ \sqrt{y},\ \ln(1 + \ln(1 + y))

    it is asked whether undoing f leaves whole multiples of one unit, as counts times a factor per
    cell do. How far a value may lie from a multiple follows from how precisely it is stored. A
    scale is given where some cells support it and no cell contradicts it, so that a single cell on
    another scale is seen. Equal sums per cell decide where values never were whole multiples (TPM)
    or are rounded too roughly to tell.

    Parameters
    ----------
    adata
        Cells × genes; nothing in it changes. The matrix may be dense, of any scipy sparse kind, in
        a file (backed h5ad or zarr, read a few thousand cells at a time), or a Dask array, whose
        chunks of cells are tasks of Dask's scheduler.
    layer
        Layer with the expression; `None` for `X`.

    Returns
    -------
    A frozen :class:`~cellclass.pp.Scale` with `name`, one of

    `counts`
        whole numbers, also with noise in the last digits, with a constant added, or with the
        fractions that ambient RNA removal and shared reads leave;
    `normalized`
        counts times a factor per cell: CP10k, CPM, TPM, median depth;
    `log1p`
        logarithm, base e, 2 or 10, of one plus counts or normalised counts;
    `sqrt`
        their square root;
    `double_log`
        the natural log1p taken twice;
    `scaled`
        there are negative values, as after z-scoring;
    `mixed`
        some cells are on another scale than the others;
    `unrecognised`
        none of these;

    and the evidence: `base`, `target_sum`, `of_counts`, `offset`, `n_differ`, and others. Its text,
    `str(scale)`, is meant to be read.

    Raises
    ------
    ValuesError
        A value is NaN or infinite.
    KeyError
        There is no such layer.
    MemoryError
        Workers of Dask were killed at the same chunk again and again.

    See Also
    --------
    normalize_scale : Bring a matrix to a scale.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> scale = cc.pp.identify_scale(adata, layer="counts")
    >>> scale.name, scale.n_obs
    ('counts', 700)
    >>> print(cc.pp.identify_scale(adata))  # normalised before genes were left out
    log1p of normalized values
    """
    check_not_empty(adata)
    source = locate(adata, layer)
    return identify_scale_of_matrix(source.matrix, var_names=adata.var_names, where=source.where)
