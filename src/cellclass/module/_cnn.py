"""One-dimensional convolutional network over genes in an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

# Values that the first convolution gives at once outside training (64 MB).
_AT_ONCE = 2**24


class CNN(BaseModuleClass):
    """Blocks of convolution → (norm) → activation → max pool over the genes, and a dense layer.

    A convolution sees neighbouring genes, so that their order matters; it is part of the network's
    state (`set_order`), and the input stays in the order of the contract.

    Parameters
    ----------
    n_genes
        G, genes in the input.
    n_labels
        L, labels in the output.
    channels
        C, width of each convolution.
    kernels
        Genes, or positions, that each convolution sees at once.
    same
        Whether each convolution is padded with zeros, so that it keeps the number of positions.
    strides
        Positions from one place of each convolution to the next.
    pools
        Positions of which each pooling takes the largest; 1 for no pooling.
    n_dense
        Width of the dense layer, which the head reads.
    modern
        GELU and, before it, a norm over all channels and positions of a cell; else ReLU alone.
    dropout
        Share (0–1) dropped after the dense layer.
    shortest
        Strides and pools that would leave fewer positions than this are left out.

    Raises
    ------
    ValueError
        There are too few genes for the poolings, and none may be left out.
    """

    order: torch.Tensor

    def __init__(
        self,
        n_genes: int,
        n_labels: int,
        *,
        channels: Sequence[int],
        kernels: Sequence[int],
        same: Sequence[bool],
        strides: Sequence[int],
        pools: Sequence[int],
        n_dense: int,
        modern: bool,
        dropout: float,
        shortest: int = 0,
    ) -> None:
        super().__init__()
        self.register_buffer("order", torch.arange(n_genes))
        activation = nn.GELU if modern else nn.ReLU
        layers: list[nn.Module] = [nn.Unflatten(1, (1, n_genes))]  # (B, 1, G)
        length, n_in = n_genes, 1
        settings = zip(channels, kernels, same, strides, pools, strict=True)
        for n_out, kernel, padded, stride, pool in settings:
            stride, pool = (k if length // k >= shortest else 1 for k in (stride, pool))
            if padded:
                # As Keras pads; torch's own padding="same" warns of even kernels.
                layers.append(nn.ConstantPad1d(((kernel - 1) // 2, kernel // 2), 0.0))
                length += kernel - 1
            layers.append(nn.Conv1d(n_in, n_out, kernel, stride=stride))
            length, n_in = (length - kernel) // stride + 1, n_out
            if modern:
                layers.append(nn.GroupNorm(1, n_out))
            layers.append(activation())
            if pool > 1:
                layers.append(nn.MaxPool1d(pool))  # (B, C, positions)
            length //= pool
        if length < 1:
            raise ValueError(
                f"{n_genes} genes are too few for convolutions with poolings of "
                f"{', '.join(map(str, pools))}: nothing is left of them. Take more genes, or "
                "preset='default', which leaves out what does not fit."
            )
        layers += [nn.Flatten(), nn.Linear(n_in * length, n_dense)]
        layers += [nn.LayerNorm(n_dense), nn.GELU()] if modern else [nn.ReLU()]
        self.encoder = nn.Sequential(*layers, nn.Dropout(dropout))
        self.head = nn.Linear(n_dense, n_labels)
        self._at_once = max(1, _AT_ONCE // (n_genes * channels[0]))

    def set_order(self, order: torch.Tensor) -> None:
        """Put the genes into an order, `(G,)`: positions in the input."""
        if not torch.equal(order.sort().values, torch.arange(len(self.order))):
            raise ValueError(f"order is no order of {len(self.order)} genes.")
        self.order.copy_(order)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation: what the head reads.

        Parameters
        ----------
        x
            Model input `(B, G)`.
        """
        if torch.is_grad_enabled():
            return self.encoder(x[:, self.order])  # (B, H)
        # Without gradients minibatches are large, and so is what the first convolution gives.
        parts = [self.encoder(part[:, self.order]) for part in x.split(self._at_once)]
        return torch.cat(parts)  # (B, H)

    def classify(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Logits `(B, L)` of cells whose latent representation `(B, H)` is there already."""
        return self.head(latent)

    def member_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the one network that there is, `(1, B, L)`, which the training looks at."""
        return self(x)[None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        return self.head(self.embed(x))  # (B, L)
