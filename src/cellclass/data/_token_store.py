"""Tokens of many cells, in memory or in files on disk, as minibatches of cells of like length."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

# Minibatches whose cells are sorted by length among each other: enough for little padding, few
# enough that a minibatch holds other cells every time.
_WINDOW = 16
_GENES, _VALUES = "genes.int32", "values.float32"


class TokenStore:
    """Genes and values of each cell's tokens, one cell after the other.

    Only tokens are kept, no padding, so that a cell takes eight bytes for each gene it expresses.
    With a folder they are written to two files there, which are then mapped into memory: no more
    of them is read than is asked for, and cells that do not fit into memory can be trained on.

    Parameters
    ----------
    cells
        Genes int `(T,)` and values float `(T,)` of each cell, in order.
    folder
        Where to write the files; `None` for memory. Files that are there are replaced.

    Attributes
    ----------
    ends
        Where the tokens of each cell end, int64 `(n_obs,)`.
    """

    def __init__(
        self,
        cells: Iterable[tuple[np.ndarray, np.ndarray]],
        folder: str | PathLike[str] | None = None,
    ) -> None:
        lengths: list[int] = []
        if folder is None:
            genes, values = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
            for own_genes, own_values in cells:
                lengths.append(len(own_genes))
                genes.append(own_genes.astype(np.int32))
                values.append(own_values.astype(np.float32))
            self._genes, self._values = np.concatenate(genes), np.concatenate(values)
        else:
            path = Path(folder)
            path.mkdir(parents=True, exist_ok=True)
            # Under another name first: other processes may be reading what is there.
            with _replaced(path / _GENES) as genes_file, _replaced(path / _VALUES) as values_file:
                for own_genes, own_values in cells:
                    lengths.append(len(own_genes))
                    own_genes.astype(np.int32).tofile(genes_file)
                    own_values.astype(np.float32).tofile(values_file)
            self._genes = _mapped(path / _GENES, np.int32, sum(lengths))
            self._values = _mapped(path / _VALUES, np.float32, sum(lengths))
        self.ends = np.cumsum(lengths, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each cell, `(n_obs,)`."""
        return np.diff(self.ends, prepend=0)

    def fingerprint(self) -> str:
        """Return what tells these tokens from others: a digest of all of them."""
        digest = hashlib.sha256()
        for part in (self.ends, self._genes, self._values):
            digest.update(part.data)
        return digest.hexdigest()

    def read(self, cells: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Read cells, padded to the longest.

        Parameters
        ----------
        cells
            Their positions, `(B,)`.

        Returns
        -------
        genes
            int64 `(B, T)`.
        values
            float32 `(B, T)`.
        mask
            Which are tokens, bool `(B, T)`.
        """
        lengths = self.lengths[cells]
        n_tokens = max(1, int(lengths.max(initial=0)))
        genes = np.zeros((len(cells), n_tokens), dtype=np.int64)
        values = np.zeros((len(cells), n_tokens), dtype=np.float32)
        for row, (end, length) in enumerate(zip(self.ends[cells], lengths, strict=True)):
            genes[row, :length] = self._genes[end - length : end]
            values[row, :length] = self._values[end - length : end]
        mask = np.arange(n_tokens) < lengths[:, None]
        return torch.from_numpy(genes), torch.from_numpy(values), torch.from_numpy(mask)

    def minibatches(
        self, cells: np.ndarray, batch_size: int, rng: np.random.Generator | None
    ) -> Iterator[np.ndarray]:
        """Part cells into minibatches of like length.

        Parameters
        ----------
        cells
            Their positions.
        batch_size
            Cells in a minibatch.
        rng
            Shuffles the cells, and the minibatches; `None` keeps the order of the cells.

        Yields
        ------
        Positions of the cells of each minibatch.
        """
        if rng is None:
            for start in range(0, len(cells), batch_size):
                yield cells[start : start + batch_size]
            return
        cells, lengths = rng.permutation(cells), self.lengths
        batches = []
        for start in range(0, len(cells), _WINDOW * batch_size):
            window = cells[start : start + _WINDOW * batch_size]
            window = window[np.argsort(lengths[window], kind="stable")]
            batches += [window[at : at + batch_size] for at in range(0, len(window), batch_size)]
        for at in rng.permutation(len(batches)):
            yield batches[at]


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the name when it is complete."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        try:
            yield file  # type: ignore[misc]
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)


def _mapped(path: Path, dtype: type, n: int) -> np.ndarray:
    """Map a file into memory; an empty one cannot be mapped."""
    return np.memmap(path, dtype=dtype, mode="r", shape=(n,)) if n else np.empty(0, dtype)
