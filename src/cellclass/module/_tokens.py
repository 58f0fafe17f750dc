"""From expression to tokens: the expressed genes of a cell, and what stands for their values."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

Encoding = Literal["value", "bins", "quantile", "rank"]
ENCODINGS = ("value", "bins", "quantile", "rank")
_CP10K = 1e4
# A share that is meant to be a whole number may lie below it by rounding.
_ROUNDING = 1e-4


class Tokens(NamedTuple):
    """The tokens of cells, those of short cells padded; `<CLS>` and `<SEP>` are not among them."""

    genes: torch.Tensor
    """Places among the G genes, int64 `(B, T)`."""
    values: torch.Tensor
    """Their values, float `(B, T)`; 0 for padding."""
    mask: torch.Tensor
    """Which are tokens, bool `(B, T)`; the others are padding."""
    n_current: int
    """How many of the T places are for the cell itself; the others are for the time before."""


class TokenEmbedding(nn.Module):
    """Embed the expressed genes of each cell as tokens, `<CLS>` in front.

    A token is the sum of what stands for the gene and for its value. Genes that are not expressed,
    and those that were not measured, are no tokens; shorter cells are padded. Which tokens a cell
    has does not depend on others. With a previous time point its tokens follow after `<SEP>`, each
    with a vector added that marks it, for nothing else tells an encoder without an order which
    side of `<SEP>` a token is on.

    Parameters
    ----------
    n_genes
        G, genes that there are embeddings of, the most important first.
    dim
        W, width of a token.
    encoding
        What stands for the value (log1p of counts per `target_sum`). `value`: a small network of
        it, and it scales the gene's vector. `bins`: `floor(log2(1 + counts per 10,000))`, cut at
        `n_bins − 1`, looked up (scBERT).
        `quantile`: in which of `n_bins` parts of the cell's own tokens, ordered by value, it is
        (scGPT); equal values are in the same part. `rank`: nothing, but the tokens are the genes
        of largest value relative to their typical one (Geneformer), see `set_typical`.
    n_tokens
        Most tokens of a cell, of both time points together. With more expressed genes `rank` keeps
        the largest, the others keep the most important genes.
    n_bins
        Values that `bins` or `quantile` tells apart.
    target_sum
        Counts per cell to which the input was normalised.
    dropout
        Share (0–1) of a cell's tokens that is left out in training.
    previous
        Whether the input holds a second time point: `(B, 2 G)`, the earlier one last.
    vector_dim
        Width of given gene vectors, see `set_vectors`; `None` for none.
    tune_vectors
        Whether these are trained, too.
    """

    typical: torch.Tensor
    depth: torch.Tensor
    fill: torch.Tensor
    has_vector: torch.Tensor

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
        previous: bool = False,
        vector_dim: int | None = None,
        tune_vectors: bool = False,
    ) -> None:
        super().__init__()
        if encoding not in ENCODINGS:
            raise ValueError(f"encoding={encoding!r}; there are {', '.join(map(repr, ENCODINGS))}.")
        self.encoding: Encoding = encoding
        self.n_genes, self.n_tokens, self.n_bins = n_genes, n_tokens, n_bins
        self.target_sum, self.dropout, self.previous = target_sum, dropout, previous
        self.genes = nn.Embedding(n_genes, dim)
        self.first = nn.Parameter(torch.empty(dim))  # <CLS>
        self.hidden = nn.Parameter(torch.empty(dim))  # <MASK>, in place of a value
        vectors = [self.genes.weight, self.first, self.hidden]
        if previous:
            self.separator = nn.Parameter(torch.empty(dim))  # <SEP>
            self.earlier = nn.Parameter(torch.empty(dim))
            vectors += [self.separator, self.earlier]
        self.values: nn.Module | None = None
        if encoding == "value":
            self.values = nn.Sequential(nn.Linear(1, dim), nn.GELU(), nn.Linear(dim, dim))
        if encoding in ("bins", "quantile"):
            self.values = nn.Embedding(n_bins, dim)
            vectors.append(self.values.weight)
        for vector in vectors:
            nn.init.normal_(vector, std=1 / math.sqrt(dim))
        self.register_buffer("typical", torch.ones(n_genes))
        # Counts per cell that values are brought to; those of another model that they came from.
        self.register_buffer("depth", torch.tensor(float(target_sum)))
        self.register_buffer("fill", torch.zeros(n_genes * (1 + previous)))
        self.project: nn.Linear | None = None
        if vector_dim is not None:
            self.project = nn.Linear(vector_dim, dim)
            self.vectors = nn.Parameter(torch.zeros(n_genes, vector_dim), tune_vectors)
            self.register_buffer("has_vector", torch.zeros(n_genes, dtype=torch.bool))

    def set_typical(self, typical: torch.Tensor) -> None:
        """Set the typical expression of each gene where it is expressed, `(G,)`, linear."""
        self.typical.copy_(typical)

    def set_depth(self, depth: float) -> None:
        """Set the counts per cell on which continuous values are read."""
        self.depth.fill_(depth)

    def set_fill(self, fill: torch.Tensor) -> None:
        """Set what stands in the input for a gene that was not measured, `(G,)` or `(2 G,)`."""
        self.fill.copy_(fill)

    def set_vectors(self, vectors: torch.Tensor, has_vector: torch.Tensor) -> None:
        """Set vectors of genes, such as those of Gene2Vec, in place of learned ones.

        Parameters
        ----------
        vectors
            `(G, vector_dim)`; of genes without one it is of no matter what is there.
        has_vector
            Which genes have one, bool `(G,)`; the others get an embedding that is learned.
        """
        known = vectors[has_vector]
        # So that the projection begins with tokens of the size that learned ones have.
        scale = known.square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
        with torch.no_grad():
            self.vectors.copy_(torch.where(has_vector[:, None], vectors / scale, 0.0))
        self.has_vector.copy_(has_vector)

    def gene_vectors(self) -> torch.Tensor:
        """Return what stands for each gene, `(G, W)`."""
        if self.project is None:
            return self.genes.weight
        given = self.project(self.vectors)
        return torch.where(self.has_vector[:, None], given, self.genes.weight)

    def present(self, x: torch.Tensor) -> torch.Tensor:
        """Which of the input's values are tokens, if there is room, bool like `x`."""
        # A gene that was not measured has the same number in every cell: it tells nothing.
        return (x > 0) & (x != self.fill)

    def lengths(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens of each cell, `<CLS>` and `<SEP>` left out, `(B,)`."""
        halves = self.present(x).unflatten(1, (-1, self.n_genes)).sum(dim=2)
        return halves.clamp(max=self.n_tokens // halves.shape[1]).sum(dim=1)

    def choose(self, x: torch.Tensor) -> Tokens:
        """Choose the genes that are tokens, from input `(B, G)`, or `(B, 2 G)` for two times."""
        present = self.present(x)
        if self.training and self.dropout > 0:
            present &= torch.rand_like(x) >= self.dropout
        if not self.previous:
            return self._chosen(x, present, self.n_tokens)
        times = zip(x.split(self.n_genes, dim=1), present.split(self.n_genes, dim=1), strict=True)
        now, before = (self._chosen(*time, self.n_tokens // 2) for time in times)
        genes, values, mask = (
            torch.cat(pair, dim=1) for pair in zip(now[:3], before[:3], strict=True)
        )
        return Tokens(genes, values, mask, now.genes.shape[1])

    def choose_current(self, x: torch.Tensor) -> Tokens:
        """Choose tokens from input `(B, G)` of one time point, even where there might be two."""
        present = (x > 0) & (x != self.fill[: self.n_genes])
        return self._chosen(x, present, self.n_tokens // (1 + self.previous))

    def _chosen(self, x: torch.Tensor, present: torch.Tensor, most: int) -> Tokens:
        n = present.sum(dim=1)  # (B,)
        n_tokens = max(1, min(most, int(n.max()) if len(n) else 0))
        if self.encoding == "rank":
            worth = torch.where(present, torch.expm1(x) / self.typical, -1.0)
            # Of equals the first: a stable sort, where `topk` would take any.
            order = torch.sort(worth, dim=1, descending=True, stable=True).indices
            genes = order[:, :n_tokens]  # (B, T)
        else:
            row, gene = present.nonzero(as_tuple=True)
            place = torch.arange(len(row), device=x.device) - (n.cumsum(0) - n)[row]
            kept = place < n_tokens
            genes = torch.zeros(len(x), n_tokens, dtype=torch.int64, device=x.device)
            genes[row[kept], place[kept]] = gene[kept]
        mask = torch.arange(n_tokens, device=x.device) < n[:, None]
        values = torch.where(mask, x.gather(1, genes), 0.0)
        if self.encoding == "value":
            at_depth = torch.log1p(torch.expm1(values) * (self.depth / self.target_sum))
            values = torch.where(self.depth == self.target_sum, values, at_depth)
        return Tokens(genes, values, mask, n_tokens)

    def forward(
        self, tokens: Tokens, hidden: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed tokens.

        Parameters
        ----------
        tokens
            Of each cell, from `choose`.
        hidden
            Which of them are masked, bool `(B, T)`: their value, or with ranks their gene, is not
            to be seen.

        Returns
        -------
        tokens
            `(B, 1 + T, W)`, or `(B, 2 + T, W)` with a previous time point.
        mask
            Which there are, bool `(B, 1 + T)` or `(B, 2 + T)`.
        """
        genes = F.embedding(tokens.genes, self.gene_vectors())  # (B, T, W)
        if self.values is None:
            x = genes if hidden is None else torch.where(hidden[..., None], self.hidden, genes)
        else:
            x = self.add_values(genes, tokens, self.embed_values(tokens))
            if hidden is not None:
                x = torch.where(hidden[..., None], genes + self.hidden, x)
        return self._in_sequence(x, tokens)

    def add_values(self, genes: torch.Tensor, tokens: Tokens, values: torch.Tensor) -> torch.Tensor:
        """Join what stands for genes with what stands for values, each `(B, T, W)`.

        A continuous value also scales its gene's vector, so that a mean over tokens is a weighted
        sum of genes, as in a linear model: it learns in a fraction of the steps.
        """
        if self.encoding == "value":
            genes = genes * tokens.values.unsqueeze(-1)
        return genes + values

    def without_values(self, tokens: Tokens) -> torch.Tensor:
        """Embed the tokens as if their values were 0; with ranks, as if each were the mean gene.

        This is where attributions begin. Of the shape that `forward` returns.
        """
        genes = F.embedding(tokens.genes, self.gene_vectors())  # (B, T, W)
        if self.values is None:
            x = self.gene_vectors().mean(dim=0).expand_as(genes)
        else:
            nothing = tokens._replace(values=torch.zeros_like(tokens.values))
            if self.encoding == "value":
                values = self.embed_values(nothing)
            else:
                values = self.values.weight[0].expand_as(genes)  # type: ignore[union-attr, index]
            x = self.add_values(genes, nothing, values)  # type: ignore[arg-type]
        return self._in_sequence(x, tokens)[0]

    def embed_values(self, tokens: Tokens) -> torch.Tensor:
        """Return what stands for the value of each token, `(B, T, W)`."""
        if self.encoding == "value":
            return self.values(tokens.values.unsqueeze(-1))  # type: ignore[misc]
        return self.values(self.bins(tokens))  # type: ignore[misc]

    def _in_sequence(self, x: torch.Tensor, tokens: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
        """Put `<CLS>` in front of tokens `(B, T, W)`, and `<SEP>` between times."""
        first = self.first.expand(len(x), 1, -1)
        if not self.previous:
            return torch.cat([first, x], dim=1), F.pad(tokens.mask, (1, 0), value=True)
        n = tokens.n_current
        between = self.separator.expand(len(x), 1, -1)
        there = tokens.mask.new_ones((len(x), 1))
        x = torch.cat([first, x[:, :n], between, x[:, n:] + self.earlier], dim=1)  # (B, 2 + T, W)
        return x, torch.cat([there, tokens.mask[:, :n], there, tokens.mask[:, n:]], dim=1)

    def bins(self, tokens: Tokens) -> torch.Tensor:
        """Bin of each value, int64 `(B, T)`: those that stand for values, or are to be told."""
        if self.encoding != "quantile":
            return self.log2_bins(tokens.values)
        order = torch.where(tokens.mask, tokens.values, torch.inf).sort(dim=1).values
        below = torch.searchsorted(order, tokens.values)  # of equals the first
        share = below / tokens.mask.sum(dim=1, keepdim=True).clamp(min=1)
        return (share * self.n_bins + _ROUNDING).long().clamp(max=self.n_bins - 1)

    def log2_bins(self, values: torch.Tensor) -> torch.Tensor:
        """`floor(log2(1 + counts per 10,000))` of model input, int64 of its shape."""
        counts = torch.expm1(values.float()) * (_CP10K / self.target_sum)
        counts = counts * (
            self.target_sum / self.depth
        )  # values are at that depth, which may differ
        # A count of exactly 2^k − 1 per 10,000 is not to fall below its bin by rounding.
        bins = torch.log2(1 + counts).add(_ROUNDING).floor().long()
        return bins.clamp(0, self.n_bins - 1)
