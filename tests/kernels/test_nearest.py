"""The nearest points are those that a comparison with all of them finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from cellclass.kernels import nearest


@settings(deadline=None, max_examples=30)
@given(
    n_points=st.integers(1, 700),
    n_axes=st.integers(1, 9),
    n_queries=st.integers(0, 20),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_equals_a_sort_of_all_distances(n_points, n_axes, n_queries, seed, data):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n_points, n_axes)).astype(np.float32)
    queries = rng.normal(size=(n_queries, n_axes)).astype(np.float32)
    k = data.draw(st.integers(1, min(n_points, 12)))
    distance, index = nearest(points, queries, k)
    expected = cdist(queries, points) if n_queries else np.empty((0, n_points))
    np.testing.assert_allclose(distance, np.sort(expected, axis=1)[:, :k], rtol=1e-5, atol=1e-6)
    found = np.take_along_axis(expected, index, axis=1)
    np.testing.assert_allclose(found, distance, rtol=1e-5, atol=1e-6)


def test_of_equals_the_first():
    points = np.zeros((600, 3), dtype=np.float32)
    distance, index = nearest(points, points[:2], 4)
    assert (distance == 0).all()
    assert index.tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize("k", [1, 10])
def test_answers_do_not_depend_on_other_queries(k):
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(300, 20)), rng.normal(size=(9, 20))
    whole = nearest(points, queries, k)
    for q in range(9):
        alone = nearest(points, queries[q : q + 1], k)
        assert all((a[q] == b[0]).all() for a, b in zip(whole, alone, strict=True))
