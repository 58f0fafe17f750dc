"""A model for one part of the cells that leaves nothing behind."""

from __future__ import annotations

import gc
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anndata as ad
import pandas as pd

from cellclass._checks import (
    check_not_empty,
    check_obs_key,
    check_unique_genes,
    label_codes,
    matrix_of,
)
from cellclass.contract._rows import prepare_rows, take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from anndata import AnnData

_UUID = "_scvi_uuid"  # scvi-tools' name for the cells that it keeps a manager of


def check_task(
    adata: AnnData,
    model_cls: Any,  # noqa: ANN401 - any class of models
    labels_key: str,
    unlabeled_category: str | None,
) -> tuple[np.ndarray, list[str]]:
    """Check what every task with fresh models is given; return label codes and labels."""
    check_not_empty(adata)
    if not isinstance(model_cls, type) or not hasattr(model_cls, "setup_anndata"):
        found = model_cls.__name__ if isinstance(model_cls, type) else type(model_cls).__name__
        raise TypeError(
            f"model_cls is {'the class' if isinstance(model_cls, type) else 'a'} {found}; a class "
            "of models is needed, such as cc.model.CellClassifierMLP, not a model: one is made "
            "and trained for each part of the cells."
        )
    check_obs_key(adata, labels_key, "labels_key")
    check_unique_genes(adata)
    return label_codes(adata.obs[labels_key], labels_key, unlabeled_category=unlabeled_category)


def part_of(
    adata: AnnData,
    rows: np.ndarray,
    *,
    layer: str | None,
    keys: tuple[str | None, ...],
    previous_layer: str | None = None,
) -> AnnData:
    """Copy some cells: the one matrix that is used, in `X`, and the columns of `obs` named.

    And `previous_layer`, for models that read an earlier time point.
    """
    layer = None if layer == "X" and "X" not in adata.layers else layer
    obs = {key: adata.obs[key].iloc[rows].to_numpy() for key in keys if key is not None}
    for key, values in obs.items():
        if isinstance(adata.obs[key].dtype, pd.CategoricalDtype):
            obs[key] = pd.Categorical(values, categories=adata.obs[key].cat.categories)
            obs[key] = obs[key].remove_unused_categories()
    layers = {}
    if previous_layer is not None:
        layers[previous_layer] = take_rows(prepare_rows(matrix_of(adata, previous_layer)), rows)
    return ad.AnnData(
        take_rows(prepare_rows(matrix_of(adata, layer)), rows),
        obs=pd.DataFrame(obs, index=[str(row) for row in rows]),
        var=adata.var.copy(),
        layers=layers,
    )


@contextmanager
def fresh_model(
    model_cls: Any,  # noqa: ANN401
    reference: AnnData,
    *,
    labels_key: str,
    batch_key: str | None,
    model_kwargs: Mapping[str, Any],
    train_kwargs: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]],
    previous_layer: str | None = None,
) -> Iterator[Any]:
    """Set up, make and train a model; when the context ends, scvi-tools forgets it.

    `train_kwargs` may be a function of the model that was made.

    scvi-tools keeps every AnnData that was set up, and every model, for as long as Python runs.
    """
    model = None
    try:
        with warnings.catch_warnings():
            # Said once, of all cells, by who asks.
            warnings.filterwarnings("ignore", message=r"Labels of obs\[.* with fewer than 3 cells")
            more = {} if previous_layer is None else {"previous_layer": previous_layer}
            model_cls.setup_anndata(reference, labels_key=labels_key, batch_key=batch_key, **more)
        model = model_cls(reference, **model_kwargs)
        how = train_kwargs(model) if callable(train_kwargs) else train_kwargs
        model.train(**{"enable_progress_bar": False, **how})
        yield model
    finally:
        model_cls._setup_adata_manager_store.pop(reference.uns.get(_UUID), None)  # noqa: SLF001
        if model is not None:
            model_cls._per_instance_manager_store.pop(model.id, None)  # noqa: SLF001
        del model
        gc.collect()  # a trained model and its trainer hold each other
