"""The multi-layer perceptron as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cellclass.model._base import CellClassifier
from cellclass.module import MLP
from cellclass.train import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

_MODULES: dict[str, dict[str, Any]] = {
    "default": {
        "n_hidden": (128, 128, 128),
        "activation": "gelu",
        "layer_norm": True,
        "dropout": 0.3,
    },
    "published": {
        "n_hidden": (2048, 512),
        "activation": "relu",
        "layer_norm": False,
        "dropout": (0.0, 0.8),
    },
}
_RECIPES = {
    "default": Recipe(),
    "published": Recipe(
        optimizer="adam",
        lr=1e-3,
        l2=0.01,
        schedule="constant",
        batch_size=60,
        max_epochs=10,
        early_stopping=False,
        gene_dropout=0.0,
    ),
}


class CellClassifierMLP(CellClassifier):
    """Multi-layer perceptron on the genes of highest Jensen–Shannon divergence.

    The cells are split into training and validation cells when the model is made. Genes are
    ranked on the training cells alone; early stopping, the calibration temperature and the
    novelty p-value use the validation cells.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    n_top_genes
        How many genes the model reads, the best of each label in turn; all of them where the
        reference has fewer. `None`: every gene that differs between labels.
    preset
        `default`: log1p CP10k, three blocks of 128 with LayerNorm, GELU and dropout 0.3, AdamW
        with a cosine schedule, about 400 steps of 128 cells. `published`: log1p of raw counts,
        dense layers of 2048 and 512 with ReLU and dropout 0.8 after the second, L2 0.01, Adam, 10
        epochs of 60 cells; 3,104,266 parameters for 1000 genes and 10 labels.
    n_hidden, activation, layer_norm, dropout
        Change the preset's network: widths of the blocks, `gelu` or `relu`, LayerNorm, share
        (0–1) dropped after each block (one number, or one for each block).
    validation_size
        Share (0–1) of the labelled cells that is kept aside. With 0 there is no early stopping,
        the confidence is not calibrated and there is no novelty p-value.
    seed
        Of the split, the initial weights and the training.
    registry
        Used by `load`.

    Examples
    --------
    >>> import cellclass as cc
    >>> ref = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(ref, n_top_genes=500)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> model.predict(ref).shape
    (700,)
    """

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        n_top_genes: int | None = 1000,
        preset: Literal["default", "published"] = "default",
        n_hidden: Sequence[int] | None = None,
        activation: Literal["gelu", "relu"] | None = None,
        layer_norm: bool | None = None,
        dropout: float | Sequence[float] | None = None,
        validation_size: float = 0.1,
        seed: int = 0,
        registry: dict | None = None,
    ) -> None:
        if preset not in _MODULES:
            raise ValueError(f"preset={preset!r}; the presets are 'default' and 'published'.")
        changes = {
            "n_hidden": n_hidden,
            "activation": activation,
            "layer_norm": layer_norm,
            "dropout": dropout,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        self._module_kwargs: dict[str, Any] = _MODULES[preset] | given
        super().__init__(
            adata,
            recipe=_RECIPES[preset],
            expression="log1p_counts" if preset == "published" else "log1p_normalized",
            n_top_genes=n_top_genes,
            validation_size=validation_size,
            seed=seed,
            registry=registry,
        )
        arguments = {
            "n_top_genes": n_top_genes,
            "preset": preset,
            **changes,
            "validation_size": validation_size,
            "seed": seed,
        }
        self.init_params_ = {"kwargs": {}, "non_kwargs": arguments}

    def _make_module(self, n_genes: int, n_labels: int) -> MLP:
        return MLP(n_genes, n_labels, **self._module_kwargs)
