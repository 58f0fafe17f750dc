"""The labelled cells that a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._checks import label_codes
from cellclass.contract import BoundInput, InputContract
from cellclass.data import ResidentDataModule, split_cells

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import Expression


@dataclass(frozen=True)
class Reference:
    """Cells of a reference, split.

    Attributes
    ----------
    bound
        The cells as model input.
    codes
        Label codes, int64 `(n_obs,)`; -1 for no label.
    train, validation
        Increasing positions of the cells of either part.
    """

    bound: BoundInput
    codes: np.ndarray
    train: np.ndarray
    validation: np.ndarray

    def datamodule(self, *, batch_size: int, seed: int) -> ResidentDataModule:
        """Return the labelled cells as minibatches."""
        cells = np.union1d(self.train, self.validation)
        return ResidentDataModule(
            self.bound.read(cells),
            self.codes[cells],
            train_idx=np.searchsorted(cells, self.train),
            val_idx=np.searchsorted(cells, self.validation),
            batch_size=batch_size,
            seed=seed,
        )


def learn_reference(
    adata: AnnData,
    setup: dict[str, Any],
    *,
    expression: Expression,
    n_top_genes: int | None,
    validation_size: float,
    seed: int,
) -> tuple[InputContract, Reference]:
    """Split a reference, then rank its genes and learn the contract on the training cells.

    Parameters
    ----------
    adata
        The reference.
    setup
        What `setup_anndata` was called with.
    expression, n_top_genes, validation_size, seed
        As in the model.
    """
    codes, labels = label_codes(
        adata.obs[setup["labels_key"]],
        setup["labels_key"],
        unlabeled_category=setup["unlabeled_category"],
    )
    strata = codes
    if setup["batch_key"] is not None:
        batch = adata.obs[setup["batch_key"]].astype("category").cat.codes.to_numpy(np.int64)
        strata = np.where(codes < 0, -1, codes * (batch.max() + 1) + batch)
    train, validation = split_cells(strata, held_out=validation_size, seed=seed)
    contract, bound = InputContract.learn(
        adata,
        layer=setup["layer"],
        codes=codes,
        labels=tuple(labels),
        rows=train,
        n_top_genes=n_top_genes,
        expression=expression,
    )
    return contract, Reference(bound, codes, train, validation)
