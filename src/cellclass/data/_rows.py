"""Some rows of a matrix on the training device, dense when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import scipy.sparse as sp


class DenseRows:
    """Some rows of a dense matrix, without a copy of them.

    Parameters
    ----------
    X
        The matrix, `(n_obs, n_genes)`.
    rows
        Which of its rows, int64 `(n_rows,)`.
    """

    def __init__(self, X: torch.Tensor, rows: torch.Tensor) -> None:
        self.device = X.device
        self._X, self._rows = X, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """Return rows, `(B, G)`."""
        return self._X[self._rows[rows]]


class SparseRows:
    """Some rows of a CSR matrix, dense when they are asked for.

    Parameters
    ----------
    X
        The matrix, float32 `(n_obs, n_genes)`.
    rows
        Which of its rows, int64 `(n_rows,)`.
    device
        Where they are kept; the memory of `X` is shared on the processor.
    """

    def __init__(self, X: sp.csr_matrix, rows: torch.Tensor, device: torch.device) -> None:
        self.device = device
        self.n_genes = X.shape[1]
        self._values = torch.from_numpy(X.data).to(device)
        self._genes = torch.from_numpy(X.indices).to(device)
        ends = torch.from_numpy(X.indptr).to(device, torch.int64)
        self._starts = ends[rows.to(device)]
        self._lengths = ends[rows.to(device) + 1] - self._starts

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """Return rows as float32 `(B, G)`."""
        starts, lengths = self._starts[rows], self._lengths[rows]
        ends = lengths.cumsum(0)
        n = int(ends[-1]) if len(ends) else 0
        first = torch.repeat_interleave(starts - ends + lengths, lengths, output_size=n)
        place = first + torch.arange(n, device=self.device)
        row = torch.repeat_interleave(
            torch.arange(len(starts), device=self.device), lengths, output_size=n
        )
        dense = torch.zeros(len(starts) * self.n_genes, device=self.device)
        dense[row * self.n_genes + self._genes[place]] = self._values[place]
        return dense.view(len(starts), self.n_genes)
