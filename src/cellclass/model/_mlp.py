"""The multi-layer perceptron as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cellclass.model._base import CellClassifier
from cellclass.model._shallow import complete_paths
from cellclass.module import MLP
from cellclass.train import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from cellclass.model._reference import Reference

# Widths of the blocks of a network.
_ALONE, _ONE_OF_SEVERAL = (128, 128), (64, 64)
_MODULES: dict[str, dict[str, Any]] = {
    "default": {
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

    From 3,000 labelled cells on, a tenth of them are validation cells, which the network is not
    trained on. With fewer, a tenth would be too few: five networks are trained, each without a
    fifth of the cells, and their logits averaged; every cell is then a validation cell of the one
    network that has not seen it. Either way genes are ranked, and the three paths fitted, for each
    network on its own training cells alone; the weights of the paths, early stopping, the
    calibration temperature, the novelty p-value and prediction sets use validation cells.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    n_top_genes
        How many genes the model reads, the best of each label in turn; all of them where the
        reference has fewer. Several networks read different ones, and no more than so many
        together. `None`: every gene that differs between labels.
    preset
        `default`: the three paths, the deep one with two blocks of 128 (each of five networks: 64)
        with LayerNorm, GELU and dropout 0.3; AdamW with a cosine schedule, about 250 steps of 256
        cells, up to 1000 on panels of few genes. `published`: one network, log1p
        of raw counts, dense layers of 2048 and 512 with ReLU and dropout 0.8 after the second, L2
        0.01, Adam, 10 epochs of 60 cells; 3,104,266 parameters for 1000 genes and 10 labels (give
        `n_top_genes=1000`).
    n_hidden, activation, layer_norm, dropout
        Change the preset's network: widths of the blocks, `gelu` or `relu`, LayerNorm, share
        (0–1) dropped after each block (one number, or one for each block).
    n_members
        How many perceptrons the deep path of a network averages, from different initial weights; 1
        in both presets.
    validation_size
        Share (0–1) of the labelled cells that is kept aside, for one network whatever the number of
        cells. With 0 there is no early stopping, the confidence is not calibrated and there is no
        novelty p-value. `None`: as said above.
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

    What it gives, expects and says of itself:

    >>> model.labels[:2]
    ('CD4+/CD25 T Reg', 'CD4+/CD45RA+/CD25- Naive T')
    >>> model.contract.scale, len(model.contract.genes)
    ('counts', 765)
    >>> model.card["n_networks"]
    5
    >>> len(model.label_colors) == len(model.labels)
    True
    >>> model.n_multiplied > 100_000
    True
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
        validation_size: float | None = None,
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
            # The published recipe has one network, whatever the number of cells.
            validation_size=0.1
            if preset == "published" and validation_size is None
            else validation_size,
            seed=seed,
            settings={"preset": preset, **changes, "validation_size": validation_size},
            registry=registry,
        )

    def _after_fit(self, reference: Reference) -> None:
        """Fit the shallow paths, and weigh all paths on cells that their network has not seen."""
        complete_paths(self._networks, reference, seed=self._seed, device=self.module.device)

    def make_module(self, n_genes: int, n_labels: int, n_networks: int) -> MLP:
        widths = {"n_hidden": _ALONE if n_networks == 1 else _ONE_OF_SEVERAL}
        return MLP(n_genes, n_labels, **widths | self._module_kwargs)
