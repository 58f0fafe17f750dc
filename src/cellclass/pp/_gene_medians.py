"""Each gene's median over the cells that express it: computed, or those of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cellclass._keys import RANK_VALUE, median_key
from cellclass.contract import linear_rows
from cellclass.errors import GeneError
from cellclass.kernels import add_by_gene, medians_by_gene

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cellclass.contract import Scale


def medians_of(X: Any, scale: Scale, target_sum: float) -> NDArray[np.float64]:  # noqa: ANN401
    """Return the medians of normalised values above 0, `(n_vars,)`; NaN where there is none."""
    n_vars = X.shape[1]
    n_cells = np.zeros(n_vars, dtype=np.int64)
    for _, values in linear_rows(X, scale, target_sum=None):
        n_cells += np.asarray((values > 0).sum(axis=0)).ravel()
    bounds = np.concatenate([[0], np.cumsum(n_cells)])
    place, collected = bounds[:-1].copy(), np.empty(bounds[-1])
    for _, values in linear_rows(X, scale, target_sum=target_sum):
        rows = sp.csr_matrix(values)
        add_by_gene(rows.data, rows.indices, place, collected)
    return medians_by_gene(collected, bounds)


def given_medians(medians: pd.Series, genes: pd.Index) -> NDArray[np.float64]:
    """Return the medians of a reference for the genes, `(n_vars,)`; NaN where it has none.

    Raises
    ------
    TypeError
        It is not a series of numbers.
    GeneError
        It has a gene twice.
    """
    is_series = isinstance(medians, pd.Series)
    if not (is_series and pd.api.types.is_numeric_dtype(medians)):
        raise TypeError(
            f"medians is a {type(medians).__name__}{f' of {medians.dtype}' if is_series else ''}; "
            "a pandas Series of numbers by gene name is needed, such as "
            f"reference.var[{median_key(RANK_VALUE)!r}]."
        )
    if not medians.index.is_unique:
        twice = medians.index[medians.index.duplicated()]
        raise GeneError(f"medians holds {twice[0]!r} more than once; one value a gene is needed.")
    return medians.reindex(genes).to_numpy(dtype=np.float64)


def check_medians(
    medians: NDArray[np.float64], expressed: NDArray[np.bool_], genes: pd.Index
) -> None:
    """Refuse medians that an expressed gene cannot be divided by."""
    missing = np.flatnonzero(expressed & np.isnan(medians))
    if missing.size:
        raise GeneError(
            f"medians has no value for {missing.size} expressed gene(s), such as "
            f"{genes[missing[0]]!r}, which cannot be ranked without one. Leave them out, "
            "adata[:, adata.var_names.isin(medians.dropna().index)].copy(), or bring the names to "
            "the reference's with cc.pp.align_genes."
        )
    bad = np.flatnonzero(expressed & ~((medians > 0) & (medians < np.inf)))
    if bad.size:
        raise ValueError(
            f"medians holds {medians[bad[0]]:g} for the expressed gene {genes[bad[0]]!r}, and "
            f"{bad.size - 1} more that are not positive numbers. A median over the cells that "
            "express the gene is above 0: compute it without the zeros, or leave medians=None."
        )
