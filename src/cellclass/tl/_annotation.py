"""Read what `annotate` wrote, and write beside it without touching anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import (
    annotated_probability,
    check_anndata,
    check_annotated,
    check_name,
    is_mudata,
    near,
)
from cellclass._keys import PARAMS, UNASSIGNED
from cellclass._own import check_writable, own
from cellclass.errors import LabelError
from cellclass.io._mudata_file import copy_mudata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


@dataclass(frozen=True)
class Annotation:
    """An annotation as arrays.

    Attributes
    ----------
    labels
        The labels of the columns of `probability`, as the model has them.
    probability
        Probability of each label, float64 `(n_obs, n_labels)`.
    codes
        Place of each cell's label in `labels`, int64 `(n_obs,)`; -1 for an unassigned cell.
    """

    labels: tuple[str, ...]
    probability: np.ndarray
    codes: np.ndarray

    @property
    def assigned(self) -> np.ndarray:
        """Cells with a label, bool `(n_obs,)`."""
        return self.codes >= 0


def label_column(labels: Sequence[str], codes: np.ndarray) -> pd.Categorical:
    """Return labels and `"unassigned"` for places in `labels`, with -1 for the latter.

    The categories are those that occur, in the order of `labels`: scanpy's `dotplot`, `matrixplot`
    and `stacked_violin` stop at one without cells.
    """
    places = np.where(codes < 0, len(labels), codes)
    column = pd.Categorical.from_codes(places, categories=[*labels, UNASSIGNED])
    return column.remove_unused_categories()


def read_annotation(adata: AnnData, key: str) -> Annotation:
    """Return the annotation that stands under `key`, or say which part of it is not there."""
    check_anndata(adata, or_mudata=True)
    check_annotated(adata, key)
    labels, table = annotated_probability(adata, key)
    given = adata.obs[key].astype(object)
    codes = pd.Index([*labels, UNASSIGNED], dtype=object).get_indexer(given)
    if (codes < 0).any():
        value = given.iloc[int(np.flatnonzero(codes < 0)[0])]
        raise LabelError(
            f"obs[{key!r}] holds {value!r}, which is none of the labels of the annotation: "
            f"{near(str(value), labels)}. Call cc.tl.annotate(adata, model, key_added={key!r}) "
            "again."
        )
    return Annotation(
        labels=labels,
        probability=np.asarray(table, dtype=np.float64),
        codes=np.where(codes == len(labels), -1, codes).astype(np.int64),
    )


def check_added(adata: AnnData, key_added: str, columns: Sequence[str], call: str) -> None:
    """Refuse to overwrite columns of `obs`, or an entry of `uns`, that the same call did not write.

    Parameters
    ----------
    adata
        Where they would be written.
    key_added
        The entry of `uns`.
    columns
        The columns.
    call
        The function that writes them, for the message.
    """
    check_name(key_added, "key_added")
    about = adata.uns.get(key_added, {})
    params = about.get(PARAMS) if isinstance(about, Mapping) else None
    if isinstance(params, Mapping) and params.get("function") == call:
        return
    taken = [f"obs[{column!r}]" for column in columns if column in adata.obs.columns]
    if len(taken) == len(columns) and not about:  # ad.concat has dropped `uns`
        return
    taken += [f"uns[{key_added!r}]"] if key_added in adata.uns else []
    if taken:
        raise ValueError(
            f"key_added={key_added!r} would overwrite {taken[0]}, which {call} did not write. "
            "Choose another key_added, or delete it first."
        )


def to_write(adata: AnnData, *, copy: bool) -> AnnData:
    """Return the AnnData to write to: a copy, or the one given, made one of its own if a view."""
    check_writable(adata, copy=copy)
    if not is_mudata(adata):
        return own(adata, copy=copy)
    adata = copy_mudata(adata) if copy else adata
    if adata.is_view:
        adata._init_as_actual(copy_mudata(adata))  # noqa: SLF001
    return adata
