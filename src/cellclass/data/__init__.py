"""From arrays of model input to minibatches; no networks here.

`split_cells`
    Training and validation cells, in proportion for each label.
`ResidentDataModule`
    Cells kept as one tensor on the training device.
"""

from cellclass.data._resident import ResidentDataModule
from cellclass.data._split import split_cells

__all__ = ["ResidentDataModule", "split_cells"]
