"""From expression to tokens: the expressed genes of a cell, and what stands for their values."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

Encoding = Literal["value", "bins", "rank"]
_CP10K = 1e4


class TokenEmbedding(nn.Module):
    """Embed the expressed genes of each cell as tokens, `<CLS>` in front.

    A token is the sum of what stands for the gene and for its value. Genes that are not expressed
    are no tokens; shorter cells are padded. Which tokens a cell has does not depend on others.

    Parameters
    ----------
    n_genes
        G, genes in the input, the most important first.
    dim
        W, width of a token.
    encoding
        What stands for the value (log1p of counts per `target_sum`). `value`: a small network of
        it. `bins`: `floor(log2(1 + counts per 10,000))`, cut at `n_bins − 1`, looked up (scBERT).
        `rank`: nothing, but the tokens are the genes of largest value relative to their typical
        one (Geneformer), see `set_typical`.
    n_tokens
        Most tokens of a cell. With more expressed genes `rank` keeps the largest, the others keep
        the most important genes.
    n_bins
        Values that `bins` tells apart.
    target_sum
        Counts per cell to which the input was normalised.
    dropout
        Share (0–1) of a cell's tokens that is left out in training.
    """

    typical: torch.Tensor

    def __init__(
        self,
        n_genes: int,
        dim: int,
        *,
        encoding: Encoding = "value",
        n_tokens: int = 2048,
        n_bins: int = 6,
        target_sum: float = _CP10K,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if encoding not in ("value", "bins", "rank"):
            raise ValueError(f"encoding={encoding!r}; there are 'value', 'bins' and 'rank'.")
        self.encoding: Encoding = encoding
        self.n_tokens, self.n_bins, self.target_sum = n_tokens, n_bins, target_sum
        self.dropout = dropout
        self.genes = nn.Embedding(n_genes, dim)
        self.first = nn.Parameter(torch.empty(dim))  # <CLS>
        nn.init.normal_(self.genes.weight, std=1 / math.sqrt(dim))
        nn.init.normal_(self.first, std=1 / math.sqrt(dim))
        self.values: nn.Module | None = None
        if encoding == "value":
            self.values = nn.Sequential(nn.Linear(1, dim), nn.GELU(), nn.Linear(dim, dim))
        if encoding == "bins":
            self.values = nn.Embedding(n_bins, dim)
            nn.init.normal_(self.values.weight, std=1 / math.sqrt(dim))
        self.register_buffer("typical", torch.ones(n_genes))

    def set_typical(self, typical: torch.Tensor) -> None:
        """Set the typical expression of each gene where it is expressed, `(G,)`, linear."""
        self.typical.copy_(typical)

    def choose(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose the genes that are tokens.

        Parameters
        ----------
        x
            Model input `(B, G)`.

        Returns
        -------
        genes
            int64 `(B, T)`.
        mask
            Which of them are expressed, bool `(B, T)`; the others are padding.
        """
        expressed = x > 0
        if self.training and self.dropout > 0:
            expressed = expressed & (torch.rand_like(x) >= self.dropout)
        longest = int(expressed.sum(dim=1).max()) if len(x) else 0
        n_tokens = max(1, min(self.n_tokens, longest))
        worth = torch.expm1(x) / self.typical if self.encoding == "rank" else torch.ones_like(x)
        worth = torch.where(expressed, worth, -1.0)
        # Of equals the first: a stable sort, where `topk` would take any.
        genes = torch.sort(worth, dim=1, descending=True, stable=True).indices[:, :n_tokens]
        return genes, expressed.gather(1, genes)  # (B, T)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return tokens `(B, 1 + T, W)`, their mask `(B, 1 + T)` and genes `(B, T)`."""
        genes, mask = self.choose(x)
        tokens = self.genes(genes)  # (B, T, W)
        if self.values is not None:
            values = x.gather(1, genes)  # (B, T)
            tokens = tokens + self.values(
                values.unsqueeze(-1) if self.encoding == "value" else self._bins(values)
            )
        first = self.first.expand(len(x), 1, -1)
        tokens = torch.cat([first, tokens], dim=1)  # (B, 1 + T, W)
        return tokens, nn.functional.pad(mask, (1, 0), value=True), genes

    def _bins(self, values: torch.Tensor) -> torch.Tensor:
        """Bin `(B, T)` values, int64."""
        counts = torch.expm1(values.float()) * (_CP10K / self.target_sum)
        # A count of exactly 2^k − 1 per 10,000 is not to fall below its bin by rounding.
        bins = torch.log2(1 + counts).add(1e-4).floor().long()
        return bins.clamp(0, self.n_bins - 1)
