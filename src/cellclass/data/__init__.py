"""From model input to minibatches; no networks here.

`Cells`, `keep_cells`, `DenseCells`, `SparseCells`, `StreamedCells`, `MOST_KEPT`
    The labelled cells as model input: kept, or read whenever they are asked for.
`ResidentDataModule`
    Minibatches of cells that are kept, on the training device where they fit.
`StreamedDataModule`
    Minibatches of cells that stay in their file.
`GivenDataModule`
    Minibatches of a datamodule that somebody else made.
`AnnbatchDataModule`
    Minibatches of a collection of zarr files, for `train(datamodule=…)`.
`EpochAtOnce`
    The minibatches of an epoch as one batch.
`TokenStore`
    Tokens of many cells, in memory or in mapped files.
`place_among`, `share_of`
    How processes that train together share minibatches.
"""

from cellclass.data._annbatch import AnnbatchDataModule
from cellclass.data._cells import (
    MOST_KEPT,
    Cells,
    DenseCells,
    SparseCells,
    StreamedCells,
    keep_cells,
)
from cellclass.data._epoch import EpochAtOnce
from cellclass.data._given import GivenDataModule
from cellclass.data._processes import place_among, share_of
from cellclass.data._resident import ResidentDataModule
from cellclass.data._streamed import StreamedDataModule
from cellclass.data._token_store import TokenStore

DataModule = ResidentDataModule | StreamedDataModule | GivenDataModule

__all__ = [
    "MOST_KEPT",
    "AnnbatchDataModule",
    "Cells",
    "DataModule",
    "DenseCells",
    "EpochAtOnce",
    "GivenDataModule",
    "ResidentDataModule",
    "SparseCells",
    "StreamedCells",
    "StreamedDataModule",
    "TokenStore",
    "keep_cells",
    "place_among",
    "share_of",
]
