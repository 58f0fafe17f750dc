"""Minibatches of a collection of zarr files, through annbatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import lightning.pytorch as pl
import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from anndata.io import read_elem, sparse_dataset

from cellclass.errors import LabelError, ScaleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from cellclass.contract import BoundInput, InputContract

# Neighbouring cells that are read together, and cells that are in memory and mixed together.
_CHUNK, _IN_MEMORY = 64, 8192
_LOOK = 1024
_CODE = "code"


class AnnbatchDataModule(pl.LightningDataModule):
    """Cells of an annbatch collection as the input of a model, for `train(datamodule=…)`.

    annbatch (Python 3.12 or newer) reads zarr files, some neighbouring cells at a time. Make a
    collection of any number of files once,
    `annbatch.DatasetCollection(path).add_adatas(files)`, which shuffles their cells. Every file of
    it passes the model's contract; cells whose label is no label of the model, or which have none,
    are refused.

    Parameters
    ----------
    collection
        Path of the collection.
    contract
        What the model reads, `model.contract`.
    labels_key
        Column of `obs` with the labels.
    layer
        Layer with the expression; `None` for `X`.
    batch_size
        Cells in a minibatch.
    validation_size
        Share (0–1) of the cells, the last ones of the shuffled collection, that are kept aside for
        early stopping.
    seed
        Of the order of the training cells.

    Raises
    ------
    ImportError
        annbatch is not installed.
    ScaleError, ValuesError, GeneError
        A file cannot be brought to what the model expects, or files differ in scale.
    LabelError
        A label is unknown to the model.
    """

    def __init__(
        self,
        collection: str | PathLike[str],
        contract: InputContract,
        *,
        labels_key: str,
        layer: str | None = None,
        batch_size: int = 1024,
        validation_size: float = 0.02,
        seed: int = 0,
    ) -> None:
        super().__init__()
        try:
            from annbatch import DatasetCollection
        except ImportError as e:
            e.add_note("pip install 'cellclass[annbatch]', on Python 3.12 or newer")
            raise
        self.var_names = list(contract.model_genes)
        self.n_vars = contract.n_inputs
        self.batch_size = batch_size
        self._parts: list[ad.AnnData] = []
        bound: list[BoundInput] = []
        for group in DatasetCollection(collection, mode="r"):
            matrix = group["X"] if layer is None else group["layers"][layer]
            labels = read_elem(group["obs"][labels_key])
            cells = ad.AnnData(
                sparse_dataset(matrix),
                obs=pd.DataFrame(
                    {_CODE: _codes(labels, contract.labels, labels_key)},
                    index=pd.RangeIndex(len(labels)).astype(str),
                ),
                var=read_elem(group["var"]),
            )
            bound.append(contract.bind(cells, layer="X"))
            if bound[-1].scale.form != bound[0].scale.form:
                raise ScaleError(
                    f"The files of the collection are on different scales: {bound[0].scale} and "
                    f"{bound[-1].scale}. Bring them to one with cc.pp.normalize_scale first."
                )
            self._parts.append(cells)
        self._bound = bound[0]
        self.train_codes = np.concatenate([part.obs[_CODE].to_numpy() for part in self._parts])
        self.n_obs = len(self.train_codes)
        self.n_val = int(validation_size * self.n_obs)
        self.n_train = self.n_obs - self.n_val
        self.train_codes = self.train_codes[: self.n_train]
        self._rng = np.random.default_rng(seed)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint is to hold: how the training cells are drawn next."""
        return {"order": self._rng.bit_generator.state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Draw on as the training whose checkpoint this is."""
        self._rng.bit_generator.state = state_dict["order"]

    def train_dataloader(self) -> _Minibatches:
        """Return the training cells, in a new order every epoch."""
        from annbatch.samplers import RandomSampler

        sampler = RandomSampler(
            *self._sizes(self.batch_size), mask=slice(0, self.n_train), rng=self._rng
        )
        return self._minibatches(sampler)

    def val_dataloader(self) -> _Minibatches:
        """Return the validation cells, in their order."""
        from annbatch.samplers import SequentialSampler

        rows = slice(self.n_train, self.n_obs)
        return self._minibatches(SequentialSampler(*self._sizes(_LOOK), mask=rows))

    def _sizes(self, batch_size: int) -> tuple[int, int, int]:
        """Cells read together, how many such in memory, and cells in a minibatch, as annbatch."""
        n_batches = max(1, _IN_MEMORY // batch_size)
        chunk = int(np.gcd(_CHUNK, batch_size * n_batches))
        return chunk, batch_size * n_batches // chunk, batch_size

    def _minibatches(self, sampler: Any) -> _Minibatches:  # noqa: ANN401 - of annbatch
        from annbatch import Loader

        return _Minibatches(Loader(batch_sampler=sampler).add_adatas(self._parts), self._bound)


class _Minibatches:
    def __init__(self, loader: Any, bound: BoundInput) -> None:  # noqa: ANN401
        self.loader, self.bound = loader, bound

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in self.loader:
            codes = batch["obs"][_CODE].to_numpy(np.int64)
            x = self.bound.convert(sp.csr_matrix(batch["X"]))
            yield {"X": torch.from_numpy(x), "labels": torch.from_numpy(codes).view(-1, 1)}


def _codes(labels: Any, known: tuple[str, ...], labels_key: str) -> np.ndarray:  # noqa: ANN401
    given = pd.Series(labels).astype(object)
    codes = pd.Index(known, dtype=object).get_indexer(given)
    if (codes < 0).any():
        odd = given.iloc[int(np.flatnonzero(codes < 0)[0])]
        raise LabelError(
            f"obs[{labels_key!r}] of the collection holds {odd!r}, which is no label of the model: "
            f"those are {', '.join(known[:5])}, … Leave such cells out of the collection, or make "
            "the model from a reference that has them."
        )
    return codes.astype(np.int64)
