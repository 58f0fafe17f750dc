"""Shallow paths beside a deep one: a linear one, and one to prototypes."""

from __future__ import annotations

from abc import abstractmethod

import torch
from scvi.module.base import BaseModuleClass
from torch import nn

_N_PROTOTYPE_GENES = 300


class WithShallowPaths(BaseModuleClass):
    """A deep path to the labels' logits, and two shallow ones beside it.

    The shallow paths are a linear one, and one to prototypes, which reads each cell standardised
    over its genes. The logits are the sum of the three, each by its weight in `path_weights`. These
    are set when the shallow paths are fitted (`cellclass.train.fit_shallow_paths`); before that the
    deep path stands alone. A concrete class calls `_add_paths` when it is made.
    """

    path_weights: torch.Tensor

    def _add_paths(self, n_genes: int, n_labels: int, *, shallow: bool) -> None:
        """Make the shallow paths, if there are to be any, for G genes and L labels."""
        self.linear = self.prototypes = None
        if shallow:  # fitted apart, not by the gradient
            self.n_prototype_genes = min(n_genes, _N_PROTOTYPE_GENES)
            self.linear = nn.Linear(n_genes, n_labels).requires_grad_(False)  # noqa: FBT003
            self.prototypes = nn.Linear(self.n_prototype_genes, n_labels).requires_grad_(False)  # noqa: FBT003
        self.register_buffer("path_weights", torch.eye(3 if shallow else 1)[0])

    @abstractmethod
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Latent representation of model input `(B, G)`: what the last deep layer reads."""

    @abstractmethod
    def deep_logits(self, latent: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of the deep path, of a latent representation."""

    def standardised(self, x: torch.Tensor) -> torch.Tensor:
        """Bring each cell to mean 0 and variance 1 over the prototypes' genes, `(B, 300)`."""
        x = x[:, : self.n_prototype_genes]
        return nn.functional.layer_norm(x, x.shape[1:])

    def path_logits(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits of each path by itself, `(P, B, L)`: deep, linear, prototypes."""
        paths = [self.deep_logits(latent)]
        if self.linear is not None and self.prototypes is not None:
            paths += [self.linear(x), self.prototypes(self.standardised(x))]
        return torch.stack(paths)

    def classify(self, latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Logits `(B, L)` of cells whose latent representation is there already."""
        paths = self.path_logits(latent, x)
        return (self.path_weights[:, None, None] * paths).sum(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the labels, `(B, L)`, for model input `(B, G)`."""
        return self.classify(self.embed(x), x)
