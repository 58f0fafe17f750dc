"""From which p-value on a cell counts as unlike the training cells: one rule for all who ask."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd

PValues = TypeVar("PValues", np.ndarray, pd.Series)

#: Share of cells like the training cells that are called novel by chance.
NOVEL = 0.05
#: p-values are stored in float32.
ROUNDING = 1e-6


def is_novel(pvalue: PValues, share: float = NOVEL) -> PValues:
    """Tell which cells are novel, bool `(n_obs,)`: those with a p-value up to `share`.

    Of cells like the training cells, about that share is. A cell without a p-value (NaN) is not.

    Examples
    --------
    >>> is_novel(np.array([0.04, 0.05, 0.06, np.nan], dtype=np.float32))
    array([ True,  True, False, False])
    """
    return pvalue <= share * (1 + ROUNDING)
