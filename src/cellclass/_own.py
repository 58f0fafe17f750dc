"""The AnnData to write to: the caller's, or a copy of it."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import scipy.sparse as sp
from anndata import AnnData

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np


def own(adata: AnnData, *, copy: bool) -> AnnData:
    """Return the AnnData to write to: a copy, or the one given, made one of its own if a view.

    Raises
    ------
    ValueError
        A view of a backed AnnData, which cannot become one of its own, or a copy of a backed one.
    """
    check_writable(adata, copy=copy)
    if copy:
        return copied(adata)
    if adata.is_view:  # as scanpy does: a view becomes an AnnData of its own before it is written
        adata._init_as_actual(copied(adata))  # noqa: SLF001
    return adata


def check_writable(adata: AnnData, *, copy: bool) -> None:
    """Refuse what `own` refuses; called before the work, so that none is done in vain.

    Raises
    ------
    ValueError
        A view of a backed AnnData or MuData, or a copy of a backed one.
    """
    if adata.isbacked and (copy or adata.is_view):
        load = "mudata.read_h5mu(path)" if hasattr(adata, "mod") else "adata.to_memory()"
        raise ValueError(
            "A view of backed data cannot be written to, nor can backed data be copied in memory: "
            f"load them, and pass what is loaded, adata = {load}."
        )


def copied(adata: AnnData) -> AnnData:
    """Copy an AnnData in memory, also with sparse values in a foreign byte order.

    Those SciPy reads but does not copy: they are in the byte order of this machine in the copy.
    """
    try:
        return adata.copy()
    except ValueError:
        if not _has_foreign(adata):
            raise
    raw = adata.raw
    return AnnData(
        copied_matrix(adata.X),
        obs=adata.obs.copy(),
        var=adata.var.copy(),
        uns=deepcopy(dict(adata.uns)),
        obsm=_natives(adata.obsm),
        varm=_natives(adata.varm),
        layers=_natives(adata.layers),
        raw=None
        if raw is None
        else {"X": copied_matrix(raw.X), "var": raw.var.copy(), "varm": _natives(raw.varm)},
        obsp=_natives(adata.obsp),
        varp=_natives(adata.varp),
    )


def keep_genes(adata: AnnData, genes: np.ndarray) -> None:
    """Keep the genes at these places, in this order, in an AnnData in memory that is no view."""
    whole = copied(adata) if _has_foreign(adata) else adata
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*names are not unique")  # as they were before
        adata._init_as_actual(whole[:, genes].copy())  # noqa: SLF001 - as scanpy's filters do


def _has_foreign(adata: AnnData) -> bool:
    stored = (adata.obsm, adata.varm, adata.layers, adata.obsp, adata.varp)
    matrices = [adata.X, *(value for part in stored for value in part.values())]
    if adata.raw is not None:
        matrices += [adata.raw.X, *adata.raw.varm.values()]
    return any(map(_is_foreign, matrices))


def _is_foreign(value: object) -> bool:
    return sp.issparse(value) and not value.dtype.isnative  # type: ignore[attr-defined]


def _natives(values: Mapping[str, Any]) -> dict[str, Any]:
    # The newest anndata lists X among the layers, without a name.
    return {key: copied_matrix(value) for key, value in values.items() if key is not None}


def copied_matrix(value: Any) -> Any:  # noqa: ANN401 - any array kind
    """Copy a matrix, or what else an AnnData holds, into the byte order of this machine."""
    if _is_foreign(value):
        return value.astype(value.dtype.newbyteorder("="))
    return value.copy() if hasattr(value, "copy") else deepcopy(value)
