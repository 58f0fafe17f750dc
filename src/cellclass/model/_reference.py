"""The labelled cells that a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._checks import label_codes
from cellclass.contract import InputContract
from cellclass.data import ResidentDataModule
from cellclass.pp._hold_out import deal, hold_out

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import BoundInput, Expression

_MOST_LOOKED_AT = 500
# With fewer labelled cells a tenth of them says too little: several networks are then trained, each
# without a part of its own, and every cell is answered by the one that has not seen it.
_FEW_CELLS = 3000
_N_PARTS = 5
_HELD_OUT = 0.1


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
    held_out_by
        Which network is not trained on the cell, so that its answer is a fair one, int64
        `(n_cells,)`; -1 for none.
    genes
        The genes of each network, best first: places in the model input, int64 `(n_parts, n)`.
    looked_at
        Validation cells on which missing genes are tried out: positions in `X`, and their input.
    """

    X: np.ndarray
    codes: np.ndarray
    cells: np.ndarray
    held_out_by: np.ndarray
    genes: np.ndarray
    looked_at: tuple[np.ndarray, BoundInput]

    @property
    def n_parts(self) -> int:
        """How many networks are trained, each without a part of the cells."""
        return len(self.genes)

    @property
    def train(self) -> np.ndarray:
        """Positions in `X` of the cells that any network is trained on, `(n_train,)`."""
        if self.n_parts > 1:
            return np.arange(len(self.X))
        return self.trained_on(0)

    @property
    def validation(self) -> np.ndarray:
        """Positions in `X` of the cells that some network is not trained on, `(n_validation,)`."""
        return np.flatnonzero(self.held_out_by >= 0)

    def trained_on(self, part: int) -> np.ndarray:
        """Positions in `X` of the cells that a network is trained on."""
        return np.flatnonzero(self.held_out_by != part)

    def held_out(self, part: int) -> np.ndarray:
        """Positions in `X` of the cells that a network is not trained on."""
        return np.flatnonzero(self.held_out_by == part)

    def read(self, rows: np.ndarray, part: int) -> np.ndarray:
        """Return the input of a network, float32 `(n_rows, n)`."""
        return self.X[rows] if self.n_parts == 1 else self.X[np.ix_(rows, self.genes[part])]

    def datamodule(self, *, batch_size: int, seed: int) -> ResidentDataModule:
        """Return the cells as minibatches."""
        return ResidentDataModule(
            self.X,
            self.codes,
            train_idx=self.train,
            val_idx=self.validation,
            held_out_by=self.held_out_by if self.n_parts > 1 else None,
            batch_size=batch_size,
            seed=seed,
        )


def learn_reference(
    adata: AnnData,
    setup: dict[str, Any],
    *,
    expression: Expression,
    n_top_genes: int | None,
    validation_size: float | None,
    seed: int,
) -> tuple[InputContract, Reference]:
    """Split a reference, then rank its genes and learn the contract on the training cells.

    Parameters
    ----------
    adata
        The reference.
    setup
        What `setup_anndata` was called with.
    expression, n_top_genes, seed
        As in the model.
    validation_size
        Share (0–1) of the cells that no network is trained on. `None`: a tenth, but below 3,000
        cells there are five networks, each of which leaves out a fifth.
    """
    codes, labels = label_codes(
        adata.obs[setup["labels_key"]],
        setup["labels_key"],
        unlabeled_category=setup["unlabeled_category"],
    )
    batch = None
    if setup["batch_key"] is not None:
        batch = adata.obs[setup["batch_key"]].astype("category").cat.codes.to_numpy(np.int64)
    if validation_size is None and (codes >= 0).sum() < _FEW_CELLS:
        held_out_by, n_parts = deal(codes, n_parts=_N_PARTS, seed=seed, strata=batch), _N_PARTS
    else:
        strata = codes
        if batch is not None:
            strata = np.where(codes < 0, -1, codes * (batch.max() + 1) + batch)
        share = _HELD_OUT if validation_size is None else validation_size
        held_out_by, n_parts = np.full(len(codes), -1, dtype=np.int64), 1
        held_out_by[hold_out(strata, held_out=share, seed=seed)[1]] = 0
    labelled = codes >= 0
    contract, bound, genes = InputContract.learn(
        adata,
        layer=setup["layer"],
        codes=codes,
        labels=tuple(labels),
        parts=[np.flatnonzero(labelled & (held_out_by != k)) for k in range(n_parts)],
        n_top_genes=n_top_genes,
        expression=expression,
        previous_layer=setup.get("previous_layer"),
    )
    cells = np.flatnonzero(labelled)
    validation = np.flatnonzero(held_out_by >= 0)
    order = np.random.default_rng(seed).permutation(len(validation))
    some = np.sort(validation[order[:_MOST_LOOKED_AT]])
    return contract, Reference(
        X=bound.read(cells),
        codes=codes[cells],
        cells=cells,
        held_out_by=held_out_by[cells],
        genes=genes,
        looked_at=(np.searchsorted(cells, some), bound.only(some)),
    )
