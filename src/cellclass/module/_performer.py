"""A transformer over the expressed genes of a cell, from expression to label logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

from cellclass.module._encoder import Encoder
from cellclass.module._tokens import TokenEmbedding

if TYPE_CHECKING:
    from collections.abc import Mapping

Pooling = Literal["cls", "mean", "attention", "convolution"]
_POOLINGS = ("cls", "mean", "attention", "convolution")
# Widths of scBERT's head.
_CONVOLUTION_WIDTHS = (512, 128)


class Performer(BaseModuleClass):
    """Tokens of expressed genes, an encoder, pooling, and a linear layer to the labels.

    Parameters
    ----------
    n_genes, n_labels
        G and L.
    dim
        W, width of a token.
    encoder
        Arguments of :class:`Encoder`.
    tokens
        Arguments of :class:`TokenEmbedding`.
    pooling
        What becomes of a cell's tokens: `cls`, the first one; `mean`, of all; `attention`, a mean
        with learned weights; `convolution`, scBERT's: one number for each gene by a convolution
        over the width, then dense layers of 512 and 128.
    skip
        Whether a linear path from the G genes to the logits is added, so that the network starts
        from what a logistic regression can do.
    dropout
        Share (0–1) dropped before the last layer.
    """

    def __init__(
        self,
        n_genes: int,
        n_labels: int,
        *,
        dim: int,
        encoder: Mapping[str, Any],
        tokens: Mapping[str, Any],
        pooling: Pooling = "cls",
        skip: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if pooling not in _POOLINGS:
            raise ValueError(f"pooling={pooling!r}; there are {', '.join(_POOLINGS)}.")
        self.pooling: Pooling = pooling
        self.tokens = TokenEmbedding(n_genes, dim, **tokens)
        self.encoder = Encoder(dim, **encoder)
        self.n_genes = n_genes
        width = dim
        self.pool: nn.Module | None = None
        if pooling == "attention":
            self.pool = nn.Linear(dim, 1)
        if pooling == "convolution":
            wide, width = _CONVOLUTION_WIDTHS
            self.pool = nn.Linear(dim, 1)  # a convolution of one token's width
            self.dense = nn.Sequential(
                nn.Linear(1 + n_genes, wide), nn.ReLU(), nn.Linear(wide, width), nn.ReLU()
            )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, n_labels))
        self.skip: nn.Linear | None = None
        if skip:
            self.skip = nn.Linear(n_genes, n_labels)
            nn.init.zeros_(self.skip.weight)
            nn.init.zeros_(self.skip.bias)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation of cells: their pooled tokens, `(B, W)`.

        Parameters
        ----------
        x
            Model input `(B, G)`.
        """
        tokens, mask, genes = self.tokens(x)
        return self._pooled(self.encoder(tokens, mask), mask, genes)

    def _pooled(
        self, tokens: torch.Tensor, mask: torch.Tensor, genes: torch.Tensor
    ) -> torch.Tensor:
        if self.pool is None:
            if self.pooling == "cls":
                return tokens[:, 0]
            share = mask / mask.sum(dim=1, keepdim=True)  # (B, 1 + T)
            return (share.unsqueeze(1) @ tokens).squeeze(1)  # (B, W)
        scores = self.pool(tokens).squeeze(-1)  # (B, 1 + T)
        if self.pooling == "attention":
            share = scores.masked_fill(~mask, -torch.inf).softmax(dim=1)
            return (share.unsqueeze(1) @ tokens).squeeze(1)  # (B, W)
        scores = torch.where(mask, scores, 0.0)
        by_gene = scores.new_zeros(len(scores), self.n_genes).scatter_add(1, genes, scores[:, 1:])
        return self.dense(torch.cat([scores[:, :1], by_gene], dim=1))

    def classify(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of cells whose latent representation `(B, W)` is there already."""
        logits = self.head(latent)
        return logits if self.skip is None else logits + self.skip(x)

    def member_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the one network that there is, `(1, B, L)`, which the training looks at."""
        return self(x)[None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        return self.classify(self.embed(x), x)
