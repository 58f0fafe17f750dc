"""One rule for which cells are novel."""

import numpy as np
import pandas as pd

from cellclass.metrics._is_novel import is_novel


def test_a_pvalue_of_just_the_share_is_novel_however_it_is_stored():
    exact = 1 / 20
    for dtype in (np.float32, np.float64):
        found = is_novel(np.array([exact, 2 * exact, np.nan], dtype=dtype), exact)
        np.testing.assert_array_equal(found, [True, False, False])


def test_a_series_keeps_its_cells():
    pvalue = pd.Series([0.01, 0.9], index=["a", "b"], dtype="float32")
    pd.testing.assert_series_equal(is_novel(pvalue), pd.Series([True, False], index=["a", "b"]))
