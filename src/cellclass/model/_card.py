"""The model card: where a model comes from and how it did on its validation cells."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from cellclass._keys import CONFUSION

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import InputContract

_PACKAGES = ("cellclass", "anndata", "lightning", "numpy", "scvi-tools", "torch")


def make_card(
    model_class: str,
    adata: AnnData,
    contract: InputContract,
    *,
    n_training_cells: int,
    n_validation_cells: int,
    n_networks: int,
    temperature: float,
    validation: dict[str, float],
    confusion: list[list[int]],
) -> dict[str, Any]:
    """Describe a trained model in types that JSON and `.h5ad` files can hold.

    `confusion` are the validation cells by true label (rows) and predicted label (columns), each
    answered by a network that was not trained on it.
    """
    return {
        "class": model_class,
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_training_cells": n_training_cells,
        "n_validation_cells": n_validation_cells,
        "n_networks": n_networks,
        "n_genes": contract.n_genes,
        "labels": list(contract.labels),
        "expression": contract.expression,
        "reference_scale": contract.scale,
        "temperature": temperature,
        "validation": validation,
        CONFUSION: confusion,
        "fingerprint": fingerprint(adata),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def fingerprint(adata: AnnData) -> str:
    """Hash of the names of cells and genes: tells two references apart."""
    digest = hashlib.sha256(f"{adata.n_obs} × {adata.n_vars}".encode())
    for names in (adata.obs_names, adata.var_names):
        digest.update("\n".join(names.astype(str)).encode())
    return digest.hexdigest()[:16]
