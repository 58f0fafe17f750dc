"""From arrays of model input to minibatches; no networks here.

`ResidentDataModule`
    Cells kept as one tensor on the training device.
"""

from cellclass.data._resident import ResidentDataModule

__all__ = ["ResidentDataModule"]
