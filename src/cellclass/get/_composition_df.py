"""Data frames of a comparison of proportions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from cellclass._keys import CELLS, COMPOSITION, CONDITIONS, DIFFERENCES, DISTANCES, SAMPLES, TISSUE

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_TABLES = (CONDITIONS, SAMPLES, DIFFERENCES, DISTANCES, CELLS, TISSUE)


def composition_df(
    adata: AnnData,
    *,
    key: str = COMPOSITION,
    table: Literal[
        "conditions", "samples", "differences", "distances", "cells", "tissue"
    ] = "conditions",
) -> pd.DataFrame:
    """Return what `cc.tl.compare_composition` wrote as a data frame.

    Parameters
    ----------
    adata
        AnnData that `compare_composition` has written to.
    key
        The `key_added` of `compare_composition`.
    table
        `conditions`, `samples`: proportions (0–1) with their intervals, by condition or sample and
        label. `differences`: between conditions, by label, with p-values. `distances`: to the
        reference, by condition. `cells`: by sample. `tissue`: the shares of a reference that was
        given as numbers. :func:`cellclass.tl.compare_composition` describes the columns.

    Returns
    -------
    The table, in long form.

    Raises
    ------
    KeyError
        `compare_composition` has not been called for `key`, or had no reference for the table.
    ValueError
        There is no such table.

    Examples
    --------
    >>> cc.get.composition_df(adata, table="distances")  # doctest: +SKIP
    """
    found = adata.uns.get(key)
    if not isinstance(found, Mapping) or CONDITIONS not in found:
        raise KeyError(
            f"There is no comparison of proportions under key={key!r}. Call "
            f"cc.tl.compare_composition(adata, sample_key, condition_key, key_added={key!r}) first."
        )
    if table not in _TABLES:
        raise ValueError(f"table={table!r}; the tables are {', '.join(map(repr, _TABLES))}.")
    if table not in found:
        what = "as cells or shares by label" if table == TISSUE else "for distances"
        raise KeyError(
            f"table={table!r} is not there: compare_composition was called without a reference "
            f"{what}. Call it with reference=…."
        )
    return found[table].copy()
