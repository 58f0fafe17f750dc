"""A transformer over the expressed genes of a cell, from expression to label logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from cellclass.module._encoder import Encoder
from cellclass.module._shallow import WithShallowPaths
from cellclass.module._tokens import TokenEmbedding, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

Pooling = Literal["sum", "cls", "mean", "attention", "convolution"]
POOLINGS = ("sum", "cls", "mean", "attention", "convolution")
# Widths of scBERT's head.
_CONVOLUTION_WIDTHS = (512, 128)
# Tokens, with padding, that go through the encoder together: what a processor's cache has room for,
# and what keeps a GPU busy.
_TOKENS_TOGETHER = {"cpu": 2**13}
_TOKENS_TOGETHER_ELSEWHERE = 2**18


class Performer(WithShallowPaths):
    """Tokens of expressed genes, an encoder, pooling, and a linear layer to the labels.

    Cells of like length go through the encoder together, so that there is little padding.

    Parameters
    ----------
    n_genes, n_labels
        G and L; with a previous time point the input is `(B, 2 G)`.
    dim
        W, width of a token.
    encoder
        Arguments of :class:`Encoder`.
    tokens
        Arguments of :class:`TokenEmbedding`.
    pooling
        What becomes of a cell's tokens: `sum`, of all before the last LayerNorm, over the root of
        their number; `cls`, the first one; `mean`, of all; `attention`, a mean with learned
        weights; `convolution`, scBERT's: one number for each gene by a convolution
        over the width, then dense layers of 512 and 128.
    n_hidden
        Width of a hidden layer before the last one; `None` for no such layer.
    shallow
        Whether there are shallow paths beside the transformer, see :class:`WithShallowPaths`.
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
        n_hidden: int | None = None,
        shallow: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r}; there are {', '.join(map(repr, POOLINGS))}.")
        self.pooling: Pooling = pooling
        self.tokens = TokenEmbedding(n_genes, dim, **tokens)
        self.encoder = Encoder(dim, **encoder)
        self.n_genes = n_genes
        width = dim
        self.pool: nn.Module | None = None
        if pooling == "attention":
            self.pool = nn.Linear(dim, 1)
        if pooling == "convolution":
            if self.tokens.previous:
                raise ValueError(
                    "pooling='convolution' has one number for each gene, and with a previous time "
                    "point a gene may be there twice: take another pooling."
                )
            wide, width = _CONVOLUTION_WIDTHS
            self.pool = nn.Linear(dim, 1)  # a convolution of one token's width
            self.dense = nn.Sequential(
                nn.Linear(1 + n_genes, wide), nn.ReLU(), nn.Linear(wide, width), nn.ReLU()
            )
        self.n_latent = width
        hidden: list[nn.Module] = []
        if n_hidden is not None:
            hidden, width = [nn.Linear(width, n_hidden), nn.GELU()], n_hidden
        self.head = nn.Sequential(*hidden, nn.Dropout(dropout), nn.Linear(width, n_labels))
        self._add_paths(n_genes * (1 + self.tokens.previous), n_labels, shallow=shallow)

    @property
    def n_layers(self) -> int:
        """Layers for learning rates: the embedding, the blocks, what is behind them."""
        return len(self.encoder.blocks) + 2

    def layer_of(self, name: str) -> int:
        """Layer of a parameter, from 0, the embedding."""
        if name.startswith("tokens."):
            return 0
        if name.startswith("encoder.blocks."):
            return int(name.split(".")[2]) + 1
        return self.n_layers - 1

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation of cells: their pooled tokens, `(B, W)`.

        Parameters
        ----------
        x
            Model input `(B, G)`.
        """
        if self.training:
            self.encoder.begin_step()
        groups = groups_of_like_length(self.tokens.lengths(x), tokens_together(x.device))
        if len(groups) == 1:
            return self.embed_tokens(self.tokens.choose(x))
        latent = torch.cat([self.embed_tokens(self.tokens.choose(x[rows])) for rows in groups])
        return latent[torch.argsort(torch.cat(groups))]

    def embed_tokens(self, tokens: Tokens) -> torch.Tensor:
        """Latent representation `(B, W)` of cells whose tokens are chosen already."""
        x, mask = self.tokens(tokens)
        return self.encode(x, mask, tokens.genes)

    def encode(self, x: torch.Tensor, mask: torch.Tensor, genes: torch.Tensor) -> torch.Tensor:
        """Latent representation `(B, W)` of embedded tokens.

        Parameters
        ----------
        x, mask
            Tokens and which there are, as :class:`TokenEmbedding` returns them.
        genes
            Their genes, `(B, T)`.
        """
        if self.pooling == "cls":
            return self.encoder(x, mask, first_only=True)[:, 0]
        # Tokens of one size, averaged, differ little between cells: a sum of tokens as the blocks
        # left them differs many times more, and is learned from in a fraction of the steps.
        x = self.encoder(x, mask, normalize=self.pooling != "sum")  # (B, 1 + T, W)
        if self.pool is None:
            n = mask.sum(dim=1, keepdim=True)
            share = mask / (n.sqrt() if self.pooling == "sum" else n)
            return (share.unsqueeze(1) @ x).squeeze(1)  # (B, W)
        scores = self.pool(x).squeeze(-1)  # (B, 1 + T)
        if self.pooling == "attention":
            share = scores.masked_fill(~mask, -torch.inf).softmax(dim=1)
            return (share.unsqueeze(1) @ x).squeeze(1)  # (B, W)
        scores = torch.where(mask, scores, 0.0)
        by_gene = scores.new_zeros(len(scores), self.n_genes).scatter_add(1, genes, scores[:, 1:])
        return self.dense(torch.cat([scores[:, :1], by_gene], dim=1))

    def deep_logits(self, latent: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of the transformer, of a latent representation `(B, W)`."""
        return self.head(latent)

    def member_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the one network that there is, `(1, B, L)`, which the training looks at."""
        return self.head(self.embed(x))[None]


def tokens_together(device: torch.device) -> int:
    """How many tokens, with padding, go through an encoder together."""
    return _TOKENS_TOGETHER.get(device.type, _TOKENS_TOGETHER_ELSEWHERE)


def groups_of_like_length(lengths: torch.Tensor, most: int) -> list[torch.Tensor]:
    """Part cells `(B,)` into groups of like length, with `most` tokens at most or one cell each."""
    order = torch.argsort(lengths, descending=True, stable=True)
    longest_first = lengths[order].tolist()
    groups, start = [], 0
    while start < len(longest_first):
        size = max(1, most // (longest_first[start] + 1))  # and <CLS>
        groups.append(order[start : start + size])
        start += size
    return groups or [order]
