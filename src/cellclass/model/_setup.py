"""Registration of a reference with scvi-tools, after it has passed the contract's checks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import rich.pretty  # noqa: F401 - scvi-tools 1.4 uses it in view_anndata_setup without importing it
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import CategoricalObsField, LabelsWithUnlabeledObsField, LayerField

from cellclass._checks import check_obs_key, check_one_type, label_codes, listed, near
from cellclass._keys import UNASSIGNED, colors_key
from cellclass._warn import warn
from cellclass.contract import check_input, locate
from cellclass.errors import LabelError

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

# What scvi-tools' registry calls the layer with an earlier time point.
_PREVIOUS = "X_previous"


def register_reference(
    adata: AnnData,
    setup_method_args: dict[str, Any],
    *,
    labels_key: str,
    layer: str | None,
    batch_key: str | None,
    unlabeled_category: str | None,
    previous_layer: str | None = None,
    **kwargs: Any,  # noqa: ANN401 - passed through to scvi-tools
) -> AnnDataManager:
    """Check a reference, then register it; on an error `adata` is as it was."""
    refuse_view(adata)
    if previous_layer is not None and previous_layer not in adata.layers:
        raise KeyError(
            f"previous_layer={previous_layer!r} is not a layer. Layers: "
            f"{near(previous_layer, adata.layers)}."
        )
    check_reference(
        adata,
        labels_key=labels_key,
        layer=layer,
        batch_key=batch_key,
        unlabeled_category=unlabeled_category,
        previous_layer=previous_layer,
    )
    stored = locate(adata, layer).layer  # scvi-tools does not know X by its name
    fields = [LayerField(REGISTRY_KEYS.X_KEY, stored, False, correct_data_format=False)]  # noqa: FBT003
    if unlabeled_category is None:
        fields.append(CategoricalObsField(REGISTRY_KEYS.LABELS_KEY, labels_key))
    else:
        fields.append(
            LabelsWithUnlabeledObsField(REGISTRY_KEYS.LABELS_KEY, labels_key, unlabeled_category)
        )
    if previous_layer is not None:
        fields.append(LayerField(_PREVIOUS, previous_layer, False, correct_data_format=False))  # noqa: FBT003
    fields.append(CategoricalObsField(REGISTRY_KEYS.BATCH_KEY, batch_key))
    manager = AnnDataManager(fields=fields, setup_method_args=setup_method_args)
    return registered(manager, adata, **kwargs)


def refuse_view(adata: AnnData | MuData) -> None:
    """Refuse a view, which setting up would write into."""
    if getattr(adata, "is_view", False):
        raise ValueError(
            "The AnnData is a view of another one, and setting up writes into it. Make it one of "
            "its own: adata = adata.copy()."
        )


def check_reference(
    adata: AnnData,
    *,
    labels_key: str,
    layer: str | None,
    batch_key: str | None,
    unlabeled_category: str | None,
    previous_layer: str | None = None,
) -> None:
    """Check expression, labels and batches of a reference."""
    check_input(adata, layer=layer)
    if previous_layer is not None:
        check_input(adata, layer=previous_layer)
    check_obs_key(adata, labels_key, "labels_key")
    if batch_key is not None:
        check_obs_key(adata, batch_key, "batch_key")
        if adata.obs[batch_key].isna().any():
            raise ValueError(
                f"batch_key={batch_key!r}: {adata.obs[batch_key].isna().sum()} cells have no "
                "batch. Give them one, or leave batch_key out."
            )
        check_one_type(adata.obs[batch_key], batch_key)
    codes, labels = label_codes(
        adata.obs[labels_key], labels_key, unlabeled_category=unlabeled_category
    )
    if UNASSIGNED in labels:
        raise LabelError(
            f"obs[{labels_key!r}] holds the label {UNASSIGNED!r}, which annotate gives to cells "
            f"without counts. Pass unlabeled_category={UNASSIGNED!r} to leave its cells out, or "
            "rename it."
        )
    _warn_rare_labels(codes, labels, labels_key)


def registered(
    manager: AnnDataManager,
    adata: AnnData | MuData,
    **kwargs: Any,  # noqa: ANN401 - passed through to scvi-tools
) -> AnnDataManager:
    """Register a checked reference with scvi-tools, without its remark on rare labels."""
    with warnings.catch_warnings():
        # Said above by name; scvi-tools says it by code, and twice.
        warnings.filterwarnings("ignore", message="Category .* has fewer than 3 cells")
        manager.register_fields(adata, **kwargs)
    return manager


def label_colors(adata: AnnData, labels_key: str) -> dict[str, str]:
    """Return the colour of each label, where a scanpy plot has left them in `uns`."""
    colors = adata.uns.get(colors_key(labels_key), ())
    labels = adata.obs[labels_key].astype("category").cat.categories.astype(str)
    if len(colors) != len(labels):  # none, or those of other categories
        return {}
    return dict(zip(labels, map(str, colors), strict=True))


def _warn_rare_labels(codes: np.ndarray, labels: list[str], labels_key: str) -> None:
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    if counts.max(initial=0) < 2:
        raise LabelError(
            f"Every label of obs[{labels_key!r}] is that of one cell, such as {labels[0]!r}, from "
            "which nothing can be learned. Name the column with the cell types: labels_key=…."
        )
    rare = [f"{name!r} ({n})" for name, n in zip(labels, counts, strict=True) if n < 3]
    if rare:
        warn(
            f"Labels of obs[{labels_key!r}] with fewer than 3 cells: {listed(rare, 10)}. They can "
            "hardly be learned and are never validated; merge them into a broader label.",
        )
