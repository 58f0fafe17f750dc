"""Transformations and what undoes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.kernels import (
    BASES,
    DOUBLE_LOG,
    LINEAR,
    LN,
    LOG2,
    LOG10,
    N_TRANSFORMS,
    SQRT,
    restore_values,
)
from cellclass.kernels._transforms import LARGEST, is_possible, slope, undo

APPLY = {
    LINEAR: lambda y: y,
    LN: np.log1p,
    LOG2: lambda y: np.log1p(y) / np.log(2),
    LOG10: lambda y: np.log1p(y) / np.log(10),
    SQRT: np.sqrt,
    DOUBLE_LOG: lambda y: np.log1p(np.log1p(y)),
}


def test_every_transformation_is_there():
    assert sorted(APPLY) == list(range(N_TRANSFORMS))
    assert {LN: np.e, LOG2: 2, LOG10: 10} == BASES


@given(st.floats(1e-3, 1e6), st.sampled_from(list(APPLY)))
def test_undo_undoes(y, transform):
    x = float(APPLY[transform](y))
    assert undo(x, transform) == pytest.approx(y, rel=1e-9)
    step = 1e-5 * x
    rise = (undo(x + step, transform) - undo(x - step, transform)) / (2 * step)
    assert slope(x, y, transform) == pytest.approx(rise, rel=1e-3)


@pytest.mark.parametrize("transform", APPLY)
def test_what_is_too_large_is_impossible(transform):
    assert is_possible(float(APPLY[transform](LARGEST * 0.99)), transform)
    assert not is_possible(float(APPLY[transform](LARGEST * 1.01)), transform)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_restore_values(dtype):
    values = np.log1p(np.array([0, 1, 2, 700])).astype(dtype)
    out = np.empty(4)
    restore_values(values, (LN, 0.0, True), out)
    assert out.tolist() == [0, 1, 2, 700]
    restore_values(values, (LN, 0.0, False), out)
    np.testing.assert_allclose(out, [0, 1, 2, 700], rtol=1e-5)
    restore_values(np.array([0, 0.25, 3.25], dtype), (LINEAR, 0.25, True), out[:3])
    assert out[:3].tolist() == [0, 0, 3]
