"""Sums over rows are those of NumPy in double precision."""

import numpy as np
import pytest

from cellclass.kernels import row_sums


@pytest.mark.parametrize("order", ["C", "F"])
def test_sums(order):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.poisson(0.5, (40, 30)) * rng.normal(1, 0.1, 30), np.float32, order=order)
    centre = X.mean(axis=0)
    wide, middle = X.astype(np.float64), centre.astype(np.float64)
    expected = np.stack(
        [(X > 0).sum(1), wide.sum(1), (wide**2).sum(1), ((wide - middle) ** 2).sum(1)], axis=1
    )
    np.testing.assert_allclose(row_sums(X, centre), expected, rtol=1e-12)


def test_without_rows():
    assert row_sums(np.empty((0, 3), np.float32), np.zeros(3)).shape == (0, 4)
