"""The multi-layer perceptron as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from cellclass.model._base import CellClassifier
from cellclass.module import MLP
from cellclass.train import Recipe, fit_shallow_paths, weigh_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from cellclass.model._reference import Reference

_MODULES: dict[str, dict[str, Any]] = {
    "default": {
        "n_hidden": (128, 128),
        "activation": "gelu",
        "layer_norm": True,
        "dropout": 0.3,
        "n_members": 1,
        "n_deep_genes": 1000,
        "shallow": True,
    },
    "published": {
        "n_hidden": (2048, 512),
        "activation": "relu",
        "layer_norm": False,
        "dropout": (0.0, 0.8),
        "n_members": 1,
        "n_deep_genes": None,
        "shallow": False,
    },
}
# Validation cells that go through the network together.
_CHUNK = 4096
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
    """Multi-layer perceptron, linear model and prototypes on the genes of highest divergence.

    Three paths see each cell: a deep one (a perceptron on the first 1000 genes), a linear one
    (logistic regression on all of the model's genes) and one to prototypes (a diagonal linear
    discriminant on the first 300 genes of cells that are standardised each by itself). Their logits
    are added with weights that make validation cells most likely: so the whole is about as good as
    the best of them, deep with many cells, simple with few. Expression is log1p of counts scaled to
    the depth of the median training cell (10,000 at most).

    The cells are split into training and validation cells when the model is made. Genes are ranked
    on the training cells alone; the weights of the paths, early stopping, the calibration
    temperature and the novelty p-value use the validation cells.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    n_top_genes
        How many genes the model reads, the best of each label in turn; all of them where the
        reference has fewer. `None`: every gene that differs between labels.
    preset
        `default`: the three paths, the deep one with two blocks of 128 with LayerNorm, GELU and
        dropout 0.3; AdamW with a cosine schedule, about 250 steps of 256 cells. `published`: log1p
        of raw counts, dense layers of 2048 and 512 with ReLU and dropout 0.8 after the second, L2
        0.01, Adam, 10 epochs of 60 cells; 3,104,266 parameters for 1000 genes and 10 labels (give
        `n_top_genes=1000`).
    n_hidden, activation, layer_norm, dropout
        Change the preset's network: widths of the blocks, `gelu` or `relu`, LayerNorm, share
        (0–1) dropped after each block (one number, or one for each block).
    n_members
        How many networks the deep path averages, from different initial weights; 1 in both presets.
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
        n_top_genes: int | None = 2000,
        preset: Literal["default", "published"] = "default",
        n_hidden: Sequence[int] | None = None,
        activation: Literal["gelu", "relu"] | None = None,
        layer_norm: bool | None = None,
        dropout: float | Sequence[float] | None = None,
        n_members: int | None = None,
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
            "n_members": n_members,
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

    def _after_fit(self, reference: Reference) -> None:
        """Fit the shallow paths, and weigh all paths on the validation cells."""
        module = self.module
        if module.linear is None:
            return
        train, validation = reference.train, reference.validation
        fit_shallow_paths(module, reference.X, reference.codes, rows=train, seed=self._seed)
        module.eval()
        with torch.inference_mode():
            parts = torch.from_numpy(reference.X[validation]).split(_CHUNK)
            inputs = [part.to(module.device) for part in parts]
            logits = torch.cat([module.path_logits(module.embed(x), x).cpu() for x in inputs], 1)
        weights = weigh_paths(logits.numpy(), reference.codes[validation])
        module.path_weights.copy_(torch.from_numpy(weights))

    def _make_module(self, n_genes: int, n_labels: int) -> MLP:
        return MLP(n_genes, n_labels, **self._module_kwargs)
