"""Checks of arguments: each says what was found and the call that fixes it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._keys import (
    CONTRACT_REPORT,
    LABELS,
    confidence_key,
    novelty_key,
    probability_key,
)
from cellclass.errors import GeneError, LabelError, ValuesError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from anndata import AnnData


def near(name: str, names: Iterable[object]) -> str:
    """List the existing names, those most like `name` first, for an error message."""
    every = [str(other) for other in names if other is not None]
    if not every:
        return "there are none"
    close = difflib.get_close_matches(name, every, n=3, cutoff=0.4)
    shown = close + [other for other in every if other not in close]
    return listed(map(repr, shown), 8)


def listed(names: Iterable[object], most: int = 5) -> str:
    """Write the first names, and how many more there are: a message must not grow with the data."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def is_mudata(adata: object) -> bool:
    """Tell whether this holds several modalities, without importing mudata."""
    return hasattr(adata, "mod") and hasattr(adata, "obsmap")


def check_anndata(adata: AnnData, *, or_mudata: bool = False) -> None:
    """Refuse a path, a matrix or anything else that is no AnnData."""
    if is_mudata(adata) and not or_mudata:
        raise TypeError(
            "adata is a MuData, of which this function reads one modality: pass that one, such as "
            f"mdata[{next(iter(adata.mod), 'rna')!r}]."  # type: ignore[attr-defined]
        )
    if not (hasattr(adata, "obs_names") and hasattr(adata, "var_names")):
        raise TypeError(
            f"adata is a {type(adata).__name__}; an AnnData is needed. Read a file with "
            "anndata.read_h5ad(path), wrap a matrix with anndata.AnnData(X, obs, var)."
        )


def check_not_empty(adata: AnnData, *, or_mudata: bool = False) -> None:
    """Refuse an AnnData without cells or without genes."""
    check_anndata(adata, or_mudata=or_mudata)
    if adata.n_obs == 0 or adata.n_vars == 0:
        raise ValueError(
            f"The AnnData has {adata.n_obs} cells × {adata.n_vars} genes. At least one of each "
            "is needed: check the filter that made it."
        )


def check_obs_key(adata: AnnData, key: str, argument: str) -> None:
    """Refuse a column that `adata.obs` does not have."""
    if key not in adata.obs.columns:
        raise KeyError(
            f"{argument}={key!r} is not a column of adata.obs. Columns: "
            f"{near(str(key), adata.obs.columns)}."
        )
    if (n_columns := int((adata.obs.columns == key).sum())) > 1:
        raise ValueError(
            f"{argument}={key!r} is the name of {n_columns} columns of adata.obs. Rename all but "
            "one, or drop them with adata.obs = adata.obs.loc[:, ~adata.obs.columns.duplicated()]."
        )


def check_annotated(adata: AnnData, key: str) -> None:
    """Refuse an AnnData that `cc.tl.annotate` has not written to under `key`, for all cells."""
    call = f"cc.tl.annotate(adata, model, key_added={key!r})"
    if key not in adata.obs.columns or confidence_key(key) not in adata.obs.columns:
        raise KeyError(f"There is no annotation under key={key!r}. Call {call} first.")
    for name in (confidence_key(key), novelty_key(key)):
        kind = adata.obs[name].dtype if name in adata.obs.columns else np.dtype(float)
        if kind.kind not in "fiu" or (isinstance(kind, np.dtype) and not kind.isnative):
            raise KeyError(
                f"There is no annotation under key={key!r}: obs[{name!r}] holds {kind}, where "
                f"numbers of this machine's own kind are needed. Call {call} again."
            )
    n_missing = int(adata.obs[key].isna().sum())
    if n_missing:
        raise LabelError(
            f"obs[{key!r}] has no label for {n_missing} of {adata.n_obs} cells, which seem to have "
            f"come in after the annotation. Call {call} again."
        )


def annotated_probability(adata: AnnData, key: str) -> tuple[tuple[str, ...], Any]:
    """Return the labels of an annotation and its table, or say which part is not there."""
    again = f"Call cc.tl.annotate(adata, model, key_added={key!r}) again."
    about = adata.uns.get(key)
    if not isinstance(about, Mapping) or LABELS not in about:
        raise KeyError(
            f"uns[{key!r}] does not hold the labels of the annotation (ad.concat drops it unless "
            f"told uns_merge='first'). {again}"
        )
    labels = tuple(str(label) for label in about[LABELS])
    table = adata.obsm.get(probability_key(key))
    if table is None or table.shape[1] != len(labels):
        found = "is missing" if table is None else f"has {table.shape[1]} columns"
        raise KeyError(
            f"obsm[{probability_key(key)!r}] {found}; the probabilities of {len(labels)} labels "
            f"are needed. {again}"
        )
    return labels, table


def check_unique_genes(adata: AnnData) -> None:
    """Refuse duplicated gene names: a lookup by name would be a guess."""
    if not adata.var_names.is_unique:
        twice = adata.var_names[adata.var_names.duplicated()].unique()
        raise GeneError(
            f"adata.var_names holds duplicated gene names ({len(twice)}), such as {twice[0]!r}. "
            "Genes are matched by name: call adata.var_names_make_unique() or sum the duplicates."
        )


def matrix_of(adata: AnnData, layer: str | None) -> Any:  # noqa: ANN401 - any array kind
    """Return `adata.X` or the layer, in whatever array kind it is stored."""
    if layer is None:
        X = x_of(adata)
        if X is None:
            raise ValueError(
                f"adata.X is empty. Name the layer with the counts: layer=… ({_layers(adata)})."
            )
        return _unmasked(X, "adata.X")
    if layer not in adata.layers:
        raise KeyError(f"layer={layer!r} is not in adata.layers ({_layers(adata)}).")
    return _unmasked(adata.layers[layer], f"adata.layers[{layer!r}]")


def x_of(adata: AnnData) -> Any:  # noqa: ANN401 - any array kind
    """Return `adata.X`; `None` where there is none, also in a file."""
    try:
        return adata.X
    except KeyError:  # which a file without one answers
        return None


def _unmasked(X: Any, where: str) -> Any:  # noqa: ANN401 - any array kind
    """Return the values of a masked array of which none is masked."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    n_masked = int(np.ma.count_masked(X))
    if n_masked:
        raise ValuesError(
            f"{where} is a masked array with {n_masked} values masked: it is not known what they "
            f"are. If they mean zero, set them to it: {where} = {where}.filled(0)."
        )
    return X.data


def is_dask(X: Any) -> bool:  # noqa: ANN401 - any array kind
    """Tell whether the matrix is an array of Dask, without importing it."""
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(X, dask.Array)


def label_codes(
    labels: pd.Series, key: str, *, unlabeled_category: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """Turn a column of labels into integer codes.

    Parameters
    ----------
    labels
        One label per cell; categories that no cell has are ignored.
    key
        Name of the column, for messages.
    unlabeled_category
        The label that means "no label given"; its cells get code -1. Without it a missing label
        is an error.

    Returns
    -------
    codes
        int64 array `(n_obs,)`; -1 where no label was given.
    names
        The labels in the order of the codes: the order of the categories, else sorted.

    Raises
    ------
    LabelError
        A label is missing (NaN) or empty, fewer than two labels have cells, or
        `unlabeled_category` is not one of them.
    """
    check_one_type(labels, key)
    column = labels.astype("category").cat.remove_unused_categories()
    values = [str(category) for category in column.cat.categories]
    if len(set(values)) < len(values):
        raise LabelError(f"obs[{key!r}] holds labels that read the same as text: {values}.")
    codes = column.cat.codes.to_numpy(dtype=np.int64)
    blank = np.array([not value.strip() for value in values], dtype=bool)
    missing = codes == -1
    if blank.any():
        missing |= np.isin(codes, np.flatnonzero(blank))
    if missing.any():
        first = labels.index[np.flatnonzero(missing)[0]]
        raise LabelError(
            f"obs[{key!r}] has no label for {missing.sum()} of {len(labels)} cells, the first of "
            f"them {first!r}. Drop them with adata[adata.obs[{key!r}].notna()].copy(), or give "
            "them a label of their own and pass it as unlabeled_category=…."
        )
    if unlabeled_category is not None:
        unlabeled_category = str(unlabeled_category)
    if unlabeled_category is not None and unlabeled_category not in values:
        raise LabelError(
            f"unlabeled_category={unlabeled_category!r} is not a label of obs[{key!r}]. Labels: "
            f"{near(unlabeled_category, values)}. Leave it out if every cell has a label."
        )
    names = [value for value in values if value != unlabeled_category]
    if unlabeled_category is not None:
        shift = np.array(
            [-1 if value == unlabeled_category else names.index(value) for value in values]
        )
        codes = shift[codes]
    if len(names) < 2:
        raise LabelError(
            f"obs[{key!r}] holds {f'one label, {names[0]!r}' if names else 'no label'}. At least "
            "two labels with cells are needed to tell them apart."
        )
    return codes, names


def check_one_type(column: pd.Series, key: str) -> None:
    """Refuse a column of `obs` whose values are of several types, text and numbers say."""
    kinds: dict[str, Any] = {"text": str, "truth": (bool, np.bool_), "number": Number}
    types = {
        next((name for name, kind in kinds.items() if isinstance(value, kind)), "other")
        for value in column.dropna().unique()
    }
    if len(types) > 1:
        raise LabelError(
            f"obs[{key!r}] mixes values of several types: {', '.join(sorted(types))}. Make them "
            f"text: adata.obs[{key!r}] = adata.obs[{key!r}].astype(str)."
        )


def entry_of(
    adata: AnnData, key: str, parts: Iterable[str], *, what: str, call: str
) -> Mapping[str, Any]:
    """Return what a function wrote under a key of `uns`, or say which part is not there."""
    found = adata.uns.get(key)
    if not isinstance(found, Mapping):
        raise KeyError(f"There is {what} in uns[{key!r}]. Call {call} first.")
    absent = [part for part in parts if part not in found]
    if absent:
        raise KeyError(
            f"There is {what} in uns[{key!r}], which lacks {absent[0]!r}. Call {call} first."
        )
    return found


def check_name(name: object, argument: str, what: str = "a column") -> None:
    """Refuse what cannot be the name of a part of an AnnData file."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(
            f"{argument}={name!r} is no name for {what}: it must not be empty nor hold a '/', "
            "which AnnData files do not allow."
        )


def check_key_added(adata: AnnData, key: str) -> None:
    """Refuse a key under which something else than an annotation stands."""
    check_name(key, "key_added")
    about = adata.uns.get(key, {})
    if isinstance(about, Mapping) and CONTRACT_REPORT in about:
        return
    columns = (key, confidence_key(key), novelty_key(key))
    if all(column in adata.obs.columns for column in columns):
        return
    taken = [f"obs[{column!r}]" for column in columns if column in adata.obs.columns]
    taken += [f"obsm[{name!r}]" for name in (probability_key(key),) if name in adata.obsm]
    taken += [f"uns[{key!r}]"] if key in adata.uns else []
    if taken:
        raise ValueError(
            f"key_added={key!r} would overwrite {taken[0]}, which is no annotation of cellclass. "
            "Choose another key_added, or delete it first."
        )


def check_fraction(value: float, argument: str, *, zero: bool = False) -> None:
    """Refuse a share that is not inside (0, 1), or [0, 1) with `zero`."""
    if not (0 < value < 1 or (zero and value == 0)):
        bounds = "[0, 1)" if zero else "(0, 1)"
        raise ValueError(f"{argument}={value!r} is outside {bounds}.")


def check_whole(value: object, argument: str, lowest: int) -> None:
    """Refuse what is no whole number from the lowest one on."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
        raise ValueError(f"{argument}={value!r}; a whole number from {lowest} on is needed.")


def _layers(adata: AnnData) -> str:
    names = [name for name in adata.layers if name is not None]
    return f"layers: {', '.join(map(repr, names))}" if names else "there are no layers"
