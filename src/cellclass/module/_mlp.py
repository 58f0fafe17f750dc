"""Multi-layer perceptrons, with shallow paths beside them, from expression to label logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from cellclass.module._shallow import WithShallowPaths

if TYPE_CHECKING:
    from collections.abc import Sequence

Activation = Literal["gelu", "relu"]
_ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class MLP(WithShallowPaths):
    """Deep members, whose logits are averaged, and two shallow paths beside them.

    A member has blocks of linear → (LayerNorm) → activation → dropout and a linear head. The
    shallow paths are those of :class:`WithShallowPaths`.

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
    n_members
        M, how many networks are trained side by side from different initial weights.
    n_deep_genes
        How many genes, the first ones, the members read; all of them by default.
    shallow
        Whether there are shallow paths. The linear one reads all genes, the other one the first
        300.
    """

    def __init__(
        self,
        n_genes: int,
        n_labels: int,
        *,
        n_hidden: Sequence[int] = (128, 128),
        activation: Activation = "gelu",
        layer_norm: bool = True,
        dropout: float | Sequence[float] = 0.3,
        n_members: int = 1,
        n_deep_genes: int | None = None,
        shallow: bool = False,
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
        self.n_deep_genes = min(n_genes, n_deep_genes or n_genes)
        widths = [self.n_deep_genes, *n_hidden]
        self.encoder = nn.ModuleList(
            nn.Sequential(
                *_blocks(widths, _ACTIVATIONS[activation], dropout, layer_norm=layer_norm)
            )
            for _ in range(n_members)
        )
        self.head = nn.ModuleList(nn.Linear(widths[-1], n_labels) for _ in range(n_members))
        self._add_paths(n_genes, n_labels, shallow=shallow)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation: what the heads of all members read.

        Parameters
        ----------
        x
            Model input `(B, G)`.
        """
        deep = x[:, : self.n_deep_genes]
        return torch.cat([encoder(deep) for encoder in self.encoder], dim=1)  # (B, M · H)

    def member_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of each member by itself, `(M, B, L)`, which the training looks at."""
        return self._heads(self.embed(x))

    def _heads(self, latent: torch.Tensor) -> torch.Tensor:
        parts = latent.chunk(len(self.head), dim=1)  # M times (B, H)
        return torch.stack([head(part) for head, part in zip(self.head, parts, strict=True)])

    def deep_logits(self, latent: torch.Tensor) -> torch.Tensor:
        """Mean logits `(B, L)` of the members, of a latent representation `(B, M · H)`."""
        return self._heads(latent).mean(dim=0)


def _blocks(
    widths: Sequence[int],
    activation: type[nn.Module],
    dropout: Sequence[float],
    *,
    layer_norm: bool,
) -> list[nn.Module]:
    """Layers of one member's encoder."""
    blocks: list[nn.Module] = []
    for n_in, n_out, share in zip(widths, widths[1:], dropout, strict=False):
        blocks.append(nn.Linear(n_in, n_out))
        if layer_norm:
            blocks.append(nn.LayerNorm(n_out))
        blocks.append(activation())
        if share > 0:
            blocks.append(nn.Dropout(share))
    return blocks
