"""A cell is split into its place on the components and what is left, and nothing is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellclass.metrics._components import Components


def test_main_directions_are_found():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(60, 3)))[0]
    x = rng.normal(size=(500, 3)) * [9, 6, 4] @ axes.T + rng.normal(size=(500, 60)) * 0.1
    fitted = Components.fit(x.astype(np.float32))
    assert fitted.axes.shape == (60, 20)
    np.testing.assert_allclose(fitted.axes.T @ fitted.axes, np.eye(20), atol=1e-5)
    overlap = np.linalg.svd(axes.T @ fitted.axes[:, :3])[1]
    np.testing.assert_allclose(overlap, 1, atol=1e-3)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 9)),
        elements=st.floats(0, 9, width=32),
    )
)
def test_nothing_is_lost(x):
    fitted = Components.fit(x)
    places, rest, depth = fitted.split(x)
    y = x.astype(float)
    np.testing.assert_allclose(depth, np.stack([(y > 0).sum(1), y.sum(1), (y**2).sum(1)], 1))
    assert np.isfinite(places).all()
    assert np.isfinite(rest).all()
    whole = ((x.astype(float) - fitted.mean) ** 2).sum(axis=1)
    np.testing.assert_allclose((places**2).sum(axis=1) + np.exp(2 * rest), whole, atol=1e-2)


def test_a_cell_alone_is_the_same():
    x = np.random.default_rng(1).poisson(1.0, size=(90, 40)).astype(np.float32)
    fitted = Components.fit(x)
    places, rest, _ = fitted.split(x)
    for row in (0, 17):
        alone = fitted.split(x[row : row + 1])
        np.testing.assert_allclose(alone[0][0], places[row], atol=1e-5)
        assert alone[1][0] == pytest.approx(rest[row], abs=1e-5)
