"""The labelled cells that a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._checks import label_codes
from cellclass.contract import InputContract
from cellclass.data import ResidentDataModule
from cellclass.pp._hold_out import hold_out

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import BoundInput, Expression

_MOST_LOOKED_AT = 1000


@dataclass(frozen=True)
class Reference:
    """The labelled cells as model input, split; nothing here changes when the AnnData does.

    Attributes
    ----------
    X
        Model input of the labelled cells, float32 `(n_cells, n_genes)`.
    codes
        Label codes, int64 `(n_cells,)`.
    cells
        Their positions in the AnnData, increasing, `(n_cells,)`.
    train, validation
        Positions in `X` of the cells of either part.
    looked_at
        Validation cells on which missing genes are tried out: positions in `X`, and their input.
    """

    X: np.ndarray
    codes: np.ndarray
    cells: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    looked_at: tuple[np.ndarray, BoundInput]

    def datamodule(self, *, batch_size: int, seed: int) -> ResidentDataModule:
        """Return the cells as minibatches."""
        return ResidentDataModule(
            self.X,
            self.codes,
            train_idx=self.train,
            val_idx=self.validation,
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
    train, validation = hold_out(strata, held_out=validation_size, seed=seed)
    contract, bound = InputContract.learn(
        adata,
        layer=setup["layer"],
        codes=codes,
        labels=tuple(labels),
        rows=train,
        n_top_genes=n_top_genes,
        expression=expression,
    )
    cells = np.union1d(train, validation)
    order = np.random.default_rng(seed).permutation(len(validation))
    some = np.sort(validation[order[:_MOST_LOOKED_AT]])
    return contract, Reference(
        X=bound.read(cells),
        codes=codes[cells],
        cells=cells,
        train=np.searchsorted(cells, train),
        validation=np.searchsorted(cells, validation),
        looked_at=(np.searchsorted(cells, some), bound.only(some)),
    )
