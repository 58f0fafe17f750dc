"""The distance is that of Mahalanobis, to the nearest label."""

import numpy as np
import pytest

from cellclass.metrics._label_distance import LabelDistance


def test_distance_and_code_of_the_nearest_label():
    rng = np.random.default_rng(0)
    codes = np.arange(600) % 3
    known = rng.normal(size=(600, 2)) * [1, 3] + np.array([[0, 0], [8, 0], [0, 8]])[codes]
    fitted = LabelDistance.fit(known, codes)
    precision = fitted.whitener @ fitted.whitener.T
    for x in rng.normal(size=(8, 2)) * 10:
        gaps = x - fitted.means
        every = np.sqrt(np.einsum("ki,ij,kj->k", gaps, precision, gaps))
        distance, code = fitted.nearest(x[None])
        assert distance[0] == pytest.approx(every.min())
        assert code[0] == every.argmin()
