"""Say in the words of the AnnData what is wrong with values that are not counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from cellclass._checks import matrix_of
from cellclass.errors import ScaleError, ValuesError
from cellclass.kernels import find_bad_counts

if TYPE_CHECKING:
    from typing import Any

    from anndata import AnnData
    from numpy.typing import NDArray


def in_memory(adata: AnnData, X: Any) -> Any:  # noqa: ANN401 - any array kind
    """Read the matrix of a backed AnnData."""
    if not adata.isbacked or isinstance(X, np.ndarray) or sparse.issparse(X):
        return X
    return X.to_memory() if hasattr(X, "to_memory") else X[:]


def not_counts(
    adata: AnnData,
    layer: str | None,
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.int64],
    error: ValuesError | None = None,
    *,
    function: str = "rank_genes_js",
    fractions: bool = False,
) -> ValuesError:
    """Return the error that names the gene, the cell and the layer to pass instead.

    With `fractions`, values need not be whole numbers. `error` is what the count of a file's or of
    Dask's parts said of them; these are not read again.
    """
    if error is not None and not (isinstance(X, np.ndarray) or sparse.issparse(X)):
        if error.gene is None or error.cell is None:
            return error
        normalised = "fractional" in str(error)
        return (ScaleError if normalised else ValuesError)(
            f"{error} That is gene {adata.var_names[error.gene]!r} of cell "
            f"{adata.obs_names[error.cell]!r}.{_fractional(function) if normalised else ''} Pass "
            "the layer with the counts, as layer=…."
        )
    bad = find_bad_counts(X, codes, fractions=fractions)
    if bad is None:
        return ValuesError("The values are not counts.")
    here = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    message = (
        f"{function} needs {'numbers' if fractions else 'counts, whole numbers'} from 0 to below "
        f"2**24, but {here} holds {bad}. The first "
        f"gene with one is {adata.var_names[bad.gene]!r}: {bad.value:.8g} in cell "
        f"{adata.obs_names[bad.cell]!r}."
    )
    fix = f" Pass the layer with the counts{_count_layers(adata, layer, codes)}."
    if bad.kind == "fractional":
        return ScaleError(message + _fractional(function) + fix)
    if bad.kind == "negative":
        return ValuesError(message + " Negative values are scaled, not counts." + fix)
    return ValuesError(message + fix)


def _fractional(function: str) -> str:
    why = " Fractional values are normalised, not counts."
    if function == "rank_genes_js":
        why += ' To rank them all the same, pool them with bins=8 or bins=("quantile", 8).'
    return why


def _count_layers(adata: AnnData, layer: str | None, codes: NDArray[np.int64]) -> str:
    """Name the places of the AnnData that do hold counts."""
    found = []
    for name in [None, *adata.layers]:
        if name != layer:
            try:
                bad = find_bad_counts(in_memory(adata, matrix_of(adata, name)), codes)
            except (TypeError, ValueError):  # not a matrix of numbers in memory, or none
                continue
            if bad is None:
                found.append("layer=None, for adata.X" if name is None else f'layer="{name}"')
    if found:
        return f": {' or '.join(found)}"
    return ', as layer="counts"; as yet neither adata.X nor a layer holds whole numbers only'
