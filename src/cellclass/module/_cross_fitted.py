"""Networks side by side, each of which leaves out cells that it can be judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class CrossFitted(BaseModuleClass):
    """K networks (parts) of one kind, each with genes of its own; their logits are averaged.

    Each is trained without a share of the cells, so that every cell has an answer of a network that
    never saw it, which is what calibration needs; and the mean of the networks is better than
    any of them (bagging).

    Parameters
    ----------
    parts
        Networks with `embed`, `classify` and `member_logits`, for input `(B, g)`.
    genes
        The genes of each network: places among the G genes of the input, `(K, g)`.
    """

    genes_of_parts: torch.Tensor

    def __init__(self, parts: Sequence[nn.Module], genes: torch.Tensor) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        # Not "genes", which is what an exported network calls its input.
        self.register_buffer("genes_of_parts", genes.clone())

    @property
    def n_parts(self) -> int:
        """K, how many networks there are."""
        return len(self.parts)

    @property
    def path_weights(self) -> torch.Tensor:
        """Factors of the paths' logits, the same in all networks, where these have paths."""
        return self._parts[0].path_weights

    @property
    def _parts(self) -> list[Any]:
        return list(self.parts)

    def _inputs(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Input of each network, K times `(B, g)`."""
        by_gene = x.t().contiguous()  # (G, B): whole rows are gathered, ten times as fast
        return [by_gene.index_select(0, genes).t() for genes in self.genes_of_parts]

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation: those of all networks side by side, `(B, K · H)`."""
        parts = zip(self._parts, self._inputs(x), strict=True)
        return torch.cat([part.embed(own) for part, own in parts], dim=1)

    def member_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of each member by itself, those of one network together, `(K · M, B, L)`."""
        parts = zip(self._parts, self._inputs(x), strict=True)
        return torch.cat([part.member_logits(own) for part, own in parts])

    def held_out_logits(self, x: torch.Tensor, held_out_by: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of cells, each by the members of the network `(B,)` it was kept from."""
        logits = []
        for k, part in enumerate(self._parts):
            own = x[held_out_by == k][:, self.genes_of_parts[k]]
            logits.append(part.member_logits(own).mean(dim=0))
        order = torch.argsort(held_out_by, stable=True)
        return torch.cat(logits)[torch.argsort(order)]

    def classify(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of cells whose latent representation `(B, K · H)` is there already."""
        latents = latent.chunk(self.n_parts, dim=1)  # K times (B, H)
        parts = zip(self._parts, latents, self._inputs(x), strict=True)
        return torch.stack([part.classify(*both) for part, *both in parts]).mean(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        logits = [part(own) for part, own in zip(self._parts, self._inputs(x), strict=True)]
        return torch.stack(logits).mean(dim=0)
