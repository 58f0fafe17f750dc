"""From arrays of model input to minibatches; no networks here.

`ResidentDataModule`
    Cells kept as one tensor on the training device.
`TokenStore`
    Tokens of many cells, in memory or in mapped files.
"""

from cellclass.data._resident import ResidentDataModule
from cellclass.data._token_store import TokenStore

__all__ = ["ResidentDataModule", "TokenStore"]
