"""Masked expression modelling: tell what was hidden of a cell from the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from cellclass.module._performer import Performer
    from cellclass.module._tokens import Tokens

# Cells added to each bin of each gene, so that none is impossible.
_UNSEEN = 0.5


class MaskRules(NamedTuple):
    """Which tokens are to be told, and what is seen of them."""

    mask_prob: float = 0.15
    """Share (0–1) of the tokens that are to be told."""
    replace_prob: float = 0.9
    """Share (0–1) of these whose value, or with ranks whose gene, is replaced by `<MASK>`."""
    random_token_prob: float = 0.0
    """Share (0–1) of the others of these that show that of any other token in its place."""


class MaskedExpression(nn.Module):
    """A transformer's tokens and encoder with a head that tells masked tokens.

    What is to be told is the bin of a gene's value, or with ranks, which gene it is. The head for
    bins is a linear layer; genes are told by their likeness to the embeddings of all genes. To
    either the logarithm of how often each is there in the training cells is added (`set_usual`), so
    that what is left to learn is how a cell differs from the mean of all.

    Parameters
    ----------
    performer
        Network whose tokens and encoder are trained.
    rules
        Which tokens are masked, and how.
    """

    def __init__(self, performer: Performer, rules: MaskRules) -> None:
        super().__init__()
        self.tokens, self.encoder = performer.tokens, performer.encoder
        self.rules = rules
        dim = self.tokens.first.shape[0]
        self.tells_genes = self.tokens.encoding == "rank"
        n_bins, n_genes = self.tokens.n_bins, self.tokens.n_genes
        self.decoder = nn.Linear(dim, dim if self.tells_genes else n_bins)
        self.usual = nn.Parameter(
            torch.zeros((n_genes,) if self.tells_genes else (n_genes, n_bins))
        )

    def set_usual(self, counts: torch.Tensor) -> None:
        """Begin with how often each gene `(G,)`, or each bin of each gene `(G, bins)`, is there."""
        share = counts + _UNSEEN  # of a gene that is in no cell, every bin is as likely
        with torch.no_grad():
            self.usual.copy_((share / share.sum(dim=-1, keepdim=True)).log())

    def corrupt(
        self, tokens: Tokens, generator: torch.Generator | None = None
    ) -> tuple[Tokens, torch.Tensor, torch.Tensor]:
        """Choose what is to be told, and hide it.

        Parameters
        ----------
        tokens
            Of each cell.
        generator
            Of random numbers, on the CPU; torch's own by default.

        Returns
        -------
        tokens
            As they are to be seen.
        hidden
            Which of them are masked, bool `(B, T)`.
        asked
            Which are to be told, bool `(B, T)`.
        """
        shape, device = tokens.mask.shape, tokens.mask.device
        chance, replaced, other = torch.rand((3, *shape), generator=generator).to(device)
        asked = (chance < self.rules.mask_prob) & tokens.mask
        hidden = asked & (replaced < self.rules.replace_prob)
        swapped = asked & ~hidden & (other < self.rules.random_token_prob)
        if self.rules.random_token_prob > 0:
            field = tokens.genes if self.tells_genes else tokens.values
            there = field[tokens.mask]
            drawn = torch.rand(shape, generator=generator).to(device) * len(there)
            seen = torch.where(swapped, there[drawn.long().clamp(max=len(there) - 1)], field)
            if self.tells_genes:
                return tokens._replace(genes=seen), hidden, asked
            return tokens._replace(values=seen), hidden, asked
        return tokens, hidden, asked

    def targets(self, tokens: Tokens) -> torch.Tensor:
        """Return what each token is: its gene, or the bin of its value, `(B, T)`."""
        return tokens.genes if self.tells_genes else self.tokens.bins(tokens)

    def forward(self, tokens: Tokens, hidden: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """Logits of what each token that is asked for is, `(N, bins)` or `(N, G)`.

        Parameters
        ----------
        tokens, hidden, asked
            As `corrupt` returns them.
        """
        x = self.encoder(*self.tokens(tokens, hidden))  # (B, 1 + T, W)
        told = self.decoder(x[:, 1 : 1 + asked.shape[1]][asked])  # (N, W) or (N, bins)
        if self.tells_genes:
            return told @ self.tokens.gene_vectors().t() + self.usual
        return told + self.usual[tokens.genes[asked]]
