"""Multi-layer perceptron from expression to label logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

Activation = Literal["gelu", "relu"]
_ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class MLP(BaseModuleClass):
    """Blocks of linear → (LayerNorm) → activation → dropout, and a linear head.

    Parameters
    ----------
    n_genes
        G, genes in the input.
    n_labels
        L, labels in the output.
    n_hidden
        Width of each block.
    activation
        Of every block.
    layer_norm
        Whether a block normalises before its activation.
    dropout
        Share (0–1) dropped after each block: one number for all, or one for each.
    """

    def __init__(
        self,
        n_genes: int,
        n_labels: int,
        *,
        n_hidden: Sequence[int] = (128, 128, 128),
        activation: Activation = "gelu",
        layer_norm: bool = True,
        dropout: float | Sequence[float] = 0.3,
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ValueError(
                f"activation={activation!r}; the activations are {', '.join(_ACTIVATIONS)}."
            )
        if isinstance(dropout, (int, float)):
            dropout = [dropout] * len(n_hidden)
        if len(dropout) != len(n_hidden):
            raise ValueError(
                f"dropout has {len(dropout)} shares for {len(n_hidden)} blocks; give one for all, "
                "or one for each."
            )
        blocks: list[nn.Module] = []
        n_in = n_genes
        for n_out, share in zip(n_hidden, dropout, strict=True):
            blocks.append(nn.Linear(n_in, n_out))
            if layer_norm:
                blocks.append(nn.LayerNorm(n_out))
            blocks.append(_ACTIVATIONS[activation]())
            if share > 0:
                blocks.append(nn.Dropout(share))
            n_in = n_out
        self.encoder = nn.Sequential(*blocks)
        self.head = nn.Linear(n_in, n_labels)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation: what the head reads.

        Parameters
        ----------
        x
            Model input `(B, G)`.
        """
        return self.encoder(x)  # (B, H)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        return self.head(self.embed(x))  # (B, L)
