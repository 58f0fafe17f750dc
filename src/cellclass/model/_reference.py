"""The labelled cells that a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._checks import label_codes
from cellclass.contract import InputContract
from cellclass.data import (
    DenseCells,
    ResidentDataModule,
    SparseCells,
    StreamedDataModule,
    keep_cells,
)
from cellclass.pp._hold_out import deal, hold_out

if TYPE_CHECKING:
    from anndata import AnnData

    from cellclass.contract import BoundInput, Expression
    from cellclass.data import Cells

#: Cells from which calibration, novelty and scores are learned: more take memory and time, and
#: change next to nothing.
MOST_AT_ONCE = 10_000
_MOST_LOOKED_AT = 500
# With fewer labelled cells a tenth of them says too little: several networks are then trained, each
# without a part of its own, and every cell is answered by the one that has not seen it.
_FEW_CELLS = 3000
_N_PARTS = 5
_HELD_OUT = 0.1


@dataclass(frozen=True)
class Reference:
    """The labelled cells as model input, split.

    Where they are kept, nothing here changes when the AnnData does.

    Attributes
    ----------
    inputs
        Model input of the labelled cells, `(n_cells, n_genes)`.
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
        Validation cells on which missing genes are tried out: positions in `inputs`, and their
        input.
    """

    inputs: Cells
    codes: np.ndarray
    cells: np.ndarray
    held_out_by: np.ndarray
    genes: np.ndarray
    looked_at: tuple[np.ndarray, BoundInput]

    @property
    def n_obs(self) -> int:
        """How many labelled cells there are."""
        return len(self.codes)

    @property
    def n_inputs(self) -> int:
        """How wide the model input is."""
        return self.inputs.shape[1]

    @property
    def n_parts(self) -> int:
        """How many networks are trained, each without a part of the cells."""
        return len(self.genes)

    @property
    def train(self) -> np.ndarray:
        """Positions in `inputs` of the cells that any network is trained on, `(n_train,)`."""
        if self.n_parts > 1:
            return np.arange(self.n_obs)
        return self.trained_on(0)

    @property
    def validation(self) -> np.ndarray:
        """Positions of the cells that some network is not trained on, `(n_validation,)`."""
        return np.flatnonzero(self.held_out_by >= 0)

    def trained_on(self, part: int) -> np.ndarray:
        """Positions of the cells that a network is trained on."""
        return np.flatnonzero(self.held_out_by != part)

    def examples(self, part: int | None = None) -> np.ndarray:
        """Positions of cells that a network, or any, is trained on, no more than are of use."""
        return self._not_too_many(self.train if part is None else self.trained_on(part))

    def held_out(self, part: int) -> np.ndarray:
        """Positions of cells that a network is not trained on, no more than are of use."""
        return self._not_too_many(np.flatnonzero(self.held_out_by == part))

    @property
    def judged(self) -> np.ndarray:
        """Positions of the cells that are in `held_out` of some network, increasing."""
        return np.sort(np.concatenate([self.held_out(part) for part in range(self.n_parts)]))

    def read(self, rows: np.ndarray, part: int) -> np.ndarray:
        """Return the input of a network, float32 `(n_rows, n)`."""
        x = self.inputs.read(rows)
        return x if self.n_parts == 1 else x[:, self.genes[part]]

    def datamodule(self, *, batch_size: int, seed: int) -> ResidentDataModule | StreamedDataModule:
        """Return the cells as minibatches."""
        how: dict[str, Any] = {
            "train_idx": self.train,
            "val_idx": self.validation,
            "batch_size": batch_size,
            "seed": seed,
        }
        if not isinstance(self.inputs, DenseCells | SparseCells):
            return StreamedDataModule(self.inputs, self.codes, **how)
        by = self.held_out_by if self.n_parts > 1 else None
        return ResidentDataModule(self.inputs, self.codes, held_out_by=by, **how)

    def _not_too_many(self, rows: np.ndarray) -> np.ndarray:
        """Take cells at random, each label's share, where there are too many."""
        if len(rows) <= MOST_AT_ONCE:
            return rows
        aside = 1 - MOST_AT_ONCE / len(rows)
        return rows[hold_out(self.codes[rows], held_out=aside, seed=0)[0]]


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
        What `setup_anndata` or `setup_mudata` was called with.
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
        layer=setup["layer"] if "layer" in setup else setup["rna_layer"],
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
        inputs=keep_cells(bound, cells),
        codes=codes[cells],
        cells=cells,
        held_out_by=held_out_by[cells],
        genes=genes,
        looked_at=(np.searchsorted(cells, some), bound.only(some)),
    )
