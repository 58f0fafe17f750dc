"""The convolutional network as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from cellclass.model._base import CellClassifier
from cellclass.model._gene_order import ORDERS, GeneOrder, order_genes
from cellclass.module import CNN
from cellclass.train import Recipe

if TYPE_CHECKING:
    from anndata import AnnData

_MODULES: dict[str, dict[str, Any]] = {
    "default": {
        "channels": (16, 32),
        "kernels": (8, 8),
        "same": (True, True),
        "strides": (4, 4),
        "pools": (1, 1),
        "n_dense": 128,
        "modern": True,
        "dropout": 0.3,
        "shortest": 8,
    },
    "published": {
        "channels": (16, 32, 64, 128),
        "kernels": (10, 10, 2, 5),
        "same": (True, True, False, True),
        "strides": (1, 1, 1, 1),
        "pools": (4, 4, 4, 3),
        "n_dense": 512,
        "modern": False,
        "dropout": 0.5,
    },
}
_RECIPES = {
    "default": Recipe(),
    "published": Recipe(
        optimizer="adam",
        lr=1e-3,
        schedule="constant",
        batch_size=60,
        max_epochs=10,
        early_stopping=False,
        gene_dropout=0.0,
    ),
}
_N_TOP_GENES = {"default": 1000, "published": None}
_GENE_ORDERS: dict[str, GeneOrder] = {"default": "correlation", "published": "reference"}


class CellClassifierCNN(CellClassifier):
    """Convolutional network over genes in an order.

    A convolution looks at neighbouring genes with the same few weights wherever they stand. Genes
    have no natural neighbours, so the order decides what it can see. In the benchmarks it is level
    with :class:`CellClassifierMLP` at twice the time or more, and hardly better than in a random
    order: this class is for comparison with published work. It shares everything but the network.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    n_top_genes
        How many genes the model reads, the best of each label in turn. `None`: every gene that
        differs between labels. `"auto"`: 1000 in the default preset, `None` in the published one.
    preset
        `default`: log1p at the median depth, two convolutions of 16 and 32 channels over 8 genes or
        positions in strides of 4, with LayerNorm and GELU, a dense layer of 128 and dropout 0.3,
        trained as the deep path of :class:`CellClassifierMLP` is; strides for which there are too
        few genes are left out.
        `published`: log1p of raw counts, genes in the reference's order, four convolutions
        16→32→64→128 with ReLU and max pooling, a dense layer of 512, dropout 0.5; 6,609,818
        parameters for 19,232 genes and 10 labels. Adam, 10 epochs of 60 cells, as the published
        perceptron is trained.
    gene_order
        Which genes are neighbours. `correlation`: those whose expression is correlated over the
        training cells, by the order of leaves of a clustering; `js`: those of similar rank;
        `reference`: as in the reference; `random`. `None` for what the preset says, `correlation`
        or `reference`.
    validation_size
        Share (0–1) of the labelled cells that is kept aside. With 0 there is no early stopping,
        the confidence is not calibrated and there is no novelty p-value.
    seed
        Of the split, the initial weights, the random order and the training.
    registry
        Used by `load`.

    Raises
    ------
    ValueError
        The published network is given fewer than 208 genes: its poolings leave nothing of them.

    Examples
    --------
    >>> import cellclass as cc
    >>> ref = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierCNN.setup_anndata(ref, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierCNN(ref, n_top_genes=200)
    >>> model.train(max_epochs=3, enable_progress_bar=False)
    >>> model.predict(ref).shape
    (700,)
    """

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        n_top_genes: int | Literal["auto"] | None = "auto",
        preset: Literal["default", "published"] = "default",
        gene_order: GeneOrder | None = None,
        validation_size: float = 0.1,
        seed: int = 0,
        registry: dict | None = None,
    ) -> None:
        if preset not in _MODULES:
            raise ValueError(f"preset={preset!r}; the presets are 'default' and 'published'.")
        if gene_order is not None and gene_order not in ORDERS:
            raise ValueError(f"gene_order={gene_order!r}; the orders are {', '.join(ORDERS)}.")
        self._module_kwargs = _MODULES[preset]
        super().__init__(
            adata,
            recipe=_RECIPES[preset],
            expression="log1p_counts" if preset == "published" else "log1p_normalized",
            n_top_genes=_N_TOP_GENES[preset] if n_top_genes == "auto" else n_top_genes,
            validation_size=validation_size,
            seed=seed,
            settings={"n_top_genes": n_top_genes, "preset": preset, "gene_order": gene_order},
            registry=registry,
        )
        if self._reference is not None:  # else the order is in the files, among the weights
            order = order_genes(
                gene_order or _GENE_ORDERS[preset],
                self._reference.inputs.read(self._reference.examples()),
                self._contract.selected,
                seed=seed,
            )
            self.module.set_order(torch.from_numpy(order))

    def make_module(self, n_genes: int, n_labels: int, n_networks: int) -> CNN:  # noqa: ARG002
        return CNN(n_genes, n_labels, **self._module_kwargs)
