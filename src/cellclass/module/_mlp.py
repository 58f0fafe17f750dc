"""Multi-layer perceptrons, with shallow paths beside them, from expression to label logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

Activation = Literal["gelu", "relu"]
_N_PROTOTYPE_GENES = 300
_ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class MLP(BaseModuleClass):
    """Deep members, whose logits are averaged, and two shallow paths beside them.

    A member has blocks of linear → (LayerNorm) → activation → dropout and a linear head. The
    shallow paths are a linear one, and one to prototypes, which reads each cell standardised over
    its genes. The logits are the sum of the three, each by its weight in `path_weights`. These are
    set when the shallow paths are fitted (`cellclass.train.fit_shallow_paths`); before that the
    members stand alone.

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

    path_weights: torch.Tensor

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
        self.linear = self.prototypes = None
        if shallow:  # fitted apart, not by the gradient
            self.n_prototype_genes = min(n_genes, _N_PROTOTYPE_GENES)
            self.linear = nn.Linear(n_genes, n_labels).requires_grad_(False)  # noqa: FBT003
            self.prototypes = nn.Linear(self.n_prototype_genes, n_labels).requires_grad_(False)  # noqa: FBT003
        n_paths = 3 if shallow else 1
        self.register_buffer("path_weights", torch.eye(n_paths)[0])

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

    def standardised(self, x: torch.Tensor) -> torch.Tensor:
        """Bring each cell to mean 0 and variance 1 over the prototypes' genes, `(B, 300)`."""
        x = x[:, : self.n_prototype_genes]
        return nn.functional.layer_norm(x, x.shape[1:])

    def path_logits(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits of each path by itself, `(P, B, L)`: deep, linear, prototypes."""
        paths = [self._heads(latent).mean(dim=0)]
        if self.linear is not None and self.prototypes is not None:
            paths += [self.linear(x), self.prototypes(self.standardised(x))]
        return torch.stack(paths)

    def classify(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of cells whose latent representation `(B, M · H)` is there already."""
        paths = self.path_logits(latent, x)
        return (self.path_weights[:, None, None] * paths).sum(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        return self.classify(self.embed(x), x)


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
